"""Which links are tracked, where they lead, and what no merge value can do to them."""

import re

import pytest

from campaigns.rendering.compile import check_content
from campaigns.rendering.content import CompiledContent
from tests.rendering.people import KEY_RING, campaign, compiled, filled, html_source, mjml_source, reader
from tests.rendering.slow_composer import body


def targets(html: str) -> list[tuple[int, str]]:
    """Return number and target of every tracked link, in order."""
    links = [KEY_RING.read_click_token(token)[1] for token in re.findall(r'/c/([^"\']+)["\']', html)]
    return [(link.number, link.target) for link in links]


def codes(text: str) -> list[str]:
    kinds = {"city": "text", "tags": "tags"}
    return [
        problem.code for problem in check_content(html_source(text), attributes=kinds) if problem.severity == "error"
    ]


def test_links_are_numbered_in_order_of_first_appearance_and_named_by_their_words() -> None:
    content = compiled(
        html_source(
            '<a href="https://a.example/"><img src="https://a.example/l.png" alt="Our logo"></a>'
            '<a href="https://b.example/">Read &amp; <b>learn</b></a><a href="https://a.example/">again</a>'
        )
    )
    assert [(link.number, link.target_template, link.label) for link in content.links] == [
        (1, "https://a.example/", "Our logo"),
        (2, "https://b.example/", "Read & learn"),
    ]


def test_what_is_no_web_link_and_what_says_so_is_left_alone() -> None:
    source = html_source(
        '<a href="mailto:a@b.example?subject={{ contact.given_name }}">m</a><a href="tel:+49">t</a><a href="#x">x</a>'
        '<a href="https://off.example/" data-tracking="off">off</a><a href="{{ links.view }}">v</a><a name="x">n</a>'
    )
    html = body(filled(source).raw, "html")
    assert targets(html) == []
    assert compiled(source).links == ()
    assert 'href="mailto:a@b.example?subject=Ada"' in html
    assert 'href="https://off.example/"' in html
    assert f'href="https://mail.fern.example/v/{KEY_RING.message_token(7, 1)}"' in html


def test_an_mjml_button_can_be_left_untracked() -> None:
    html = body(
        filled(mjml_source('<mj-button href="https://o.example/" data-tracking="off">x</mj-button>')).raw, "html"
    )
    assert 'href="https://o.example/"' in html
    assert "untracked" not in html


def test_links_in_outlooks_parts_and_in_vml_are_tracked_too() -> None:
    source = html_source(
        '<!--[if mso]><v:roundrect href="https://v.example/?a=1&amp;b=2"><center>Buy</center></v:roundrect>'
        "<![endif]--><!--[if !mso]><!--><a href='https://v.example/?a=1&amp;b=2'>Buy</a><!--<![endif]-->"
        '<map><area href="https://area.example/" alt="x"></map>'
    )
    html = body(filled(source).raw, "html")
    assert targets(html) == [
        (1, "https://v.example/?a=1&b=2"), (1, "https://v.example/?a=1&b=2"), (2, "https://area.example/"),
    ]  # fmt: skip
    assert html.index("<v:roundrect") < html.index("<![endif]-->")
    assert compiled(source).links[0].label == "Buy"


def test_query_strings_and_values_inside_links_survive() -> None:
    source = html_source(
        '<a href="https://a.example/p?x=1&amp;y=%20&amp;n={{ contact.full_name }}&amp;c={{ list.name }}#top">x</a>'
    )
    html = body(filled(source, reader(full_name="Ada & Co/é")).raw, "html")
    assert targets(html) == [(1, "https://a.example/p?x=1&y=%20&n=Ada%20%26%20Co%2F%C3%A9&c=News#top")]
    assert compiled(source).links[0].personal


def test_a_link_of_the_campaign_alone_is_signed_once() -> None:
    content = compiled(html_source('<a href="https://a.example/{{ campaign.name }}">x</a>'))
    assert not content.links[0].personal
    assert targets(body(filled(html_source('<a href="https://a.example/{{ campaign.name }}">x</a>')).raw, "html")) == [
        (1, "https://a.example/Spring")
    ]


def test_a_link_may_be_chosen_and_repeated_by_blocks() -> None:
    source = html_source(
        "<a href=\"{% if contact.language == 'de' %}https://de.example/{% else %}https://en.example/{% endif %}x\">"
        "x</a>"
        '{% for t in contact.attributes.tags %}<a href="https://t.example/{{ t }}">t</a>{% endfor %}'
    )
    html = body(filled(source, reader(attributes={"tags": ["a", "b c"]}), tags="tags").raw, "html")
    assert targets(html) == [(1, "https://en.example/x"), (2, "https://t.example/a"), (2, "https://t.example/b%20c")]


def test_hosts_and_paths_outside_ascii_become_ascii() -> None:
    html = body(filled(html_source('<a href="HTTPS://Bücher.example/ü b?q=é">x</a>')).raw, "html")
    assert targets(html) == [(1, "https://xn--bcher-kva.example/%C3%BC%20b?q=%C3%A9")]


@pytest.mark.parametrize(
    "href",
    [
        "{{ contact.email }}", "{{ contact.attributes.city }}/x", "https://{{ contact.attributes.city }}",
        "https://{{ contact.email }}/x",
        "https://a.example{{ contact.attributes.city }}/", "https://a.example:{{ contact.attributes.city }}/",
        "{% if contact.email %}https://a.example/{% endif %}{{ contact.attributes.city }}",
        "https://{% if contact.email %}a.example/{% else %}{{ contact.attributes.city }}{% endif %}",
        "{% for t in contact.attributes.tags %}{{ t }}{% endfor %}", "https://", "http:///x",
        "javascript:alert(1)", "JavaScript:alert({{ contact.email }})", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
        "https://evil.example/?u={{ links.unsubscribe }}",
        "https://evil.example/{% if contact.email %}{{ links.view }}{% endif %}",
    ],
)  # fmt: skip
def test_a_merge_value_never_forms_scheme_or_host_and_no_token_leaves(href: str) -> None:
    assert len(codes(f'<a href="{href}">x</a>')) == 1
    if "{" in href:
        assert codes(f'<img src="{href}" alt="x">')


def test_images_may_be_personal_behind_a_fixed_host() -> None:
    html = body(filled(html_source('<img alt="" src="https://i.example/{{ contact.given_name }}.png">')).raw, "html")
    assert 'src="https://i.example/Ada.png"' in html


@pytest.mark.parametrize(
    "place", ["<p {{ contact.email }}>x</p>", "<{{ contact.email }}>", "<p onclick='{{ contact.email }}'>x</p>"]
)
def test_values_may_not_stand_inside_a_tag_or_a_script(place: str) -> None:
    assert codes(place)


def test_a_url_in_plain_text_keeps_its_host_too() -> None:
    problems = check_content(html_source("https://{{ contact.email }}/x", body_format="text"), attributes={})
    assert [problem.code for problem in problems if problem.severity == "error"] == ["link_host_personal"]


def test_contents_of_one_campaign_share_their_numbers() -> None:
    english = compiled(html_source('<a href="https://a.example/">a</a><a href="https://b.example/">b</a>'))
    german = compiled(html_source('<a href="https://c.example/">c</a><a href="https://b.example/">b</a>'))
    known = {link.target_template: link.number for link in english.links}
    numbered = german.renumbered(known)
    assert [(link.target_template, link.number) for link in numbered.links] == [
        ("https://c.example/", 3), ("https://b.example/", 2),
    ]  # fmt: skip
    assert CompiledContent.from_json(numbered.to_json()) == numbered


def test_links_of_untracked_campaigns_stay_escaped() -> None:
    source = html_source("<a href='https://a.example/?a=1&amp;b=%22\"%3E'>x</a>")
    html = body(filled(source, context=campaign(tracking=False)).raw, "html")
    assert "href='https://a.example/?a=1&amp;b=%22%22%3E'" in html
