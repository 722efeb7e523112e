"""The text part: the same words, in order, with links as numbered notes."""

import pytest

from tests.rendering.people import campaign, filled, html_source, mjml_source, reader
from tests.rendering.slow_composer import body


def text(markup: str, **changes: object) -> str:
    mail = filled(html_source(markup), reader(**changes), campaign(), tags="tags", city="text")
    return body(mail.raw, "plain").rpartition("1 Garden Lane")[0].strip()


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("<h1>Title</h1><p>One\n  two</p><p>Three</p>", "Title\n\nOne two\n\nThree"),
        ("<p>a<br>b<br><br>c</p>", "a\nb\n\nc"),
        ("<ul><li>a</li><li>b</li></ul><ol><li>c</li><li>d</li></ol>", "- a\n- b\n\n1. c\n2. d"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<p>a <b>b</b><i>c</i> &amp; &lt;d&gt;&nbsp;e</p>", "a bc & <d>\u00a0e"),
        ('<img src="https://a.example/i.png" alt="A fern"><img src="https://a.example/j.png" alt="">', "A fern"),
        ("<style>p{}</style><p style='display:none'>x<b>y</b></p><p>z</p>", "z"),
        ("<!--[if mso]>OUTLOOK<![endif]--><!-- no --><p>z</p>", "z"),
        ("<hr><p>z</p>", "----\n\nz"),
        ('<a href="mailto:a@b.example">Write</a> '
         '<a href="mailto:a@b.example">a@b.example</a>', "Write <a@b.example> a@b.example"),
        ('<a href="tel:+49">Call +49</a> <a href="#top">up</a>', "Call +49 up"),
    ],
)  # fmt: skip
def test_markup_becomes_text(markup: str, words: str) -> None:
    assert text(markup) == words


def test_links_are_notes_numbered_once_each_and_never_tracked() -> None:
    source = html_source(
        '<p><a href="https://a.example/?x=1&amp;y={{ contact.given_name }}">one</a>, '
        '<a href="https://b.example/">two</a>, '
        '<a href="https://b.example/">two again</a>, '
        '<a href="https://c.example/"><img src="https://c.example/i" alt=""></a></p>'
    )
    plain = body(filled(source).raw, "plain")
    assert plain.startswith("one [1], two [2], two again [2], https://c.example/\n")
    assert "[1] https://a.example/?x=1&y=Ada\n[2] https://b.example/\n[3] https://mail.fern.example/u/" in plain
    assert "/c/" not in plain


def test_a_link_inside_a_block_is_written_beside_its_words() -> None:
    markup = (
        '{% for t in contact.attributes.tags %}<p><a href="https://t.example/{{ t }}">about {{ t }}</a></p>{% endfor %}'
    )
    words = text(markup, attributes={"tags": ["roses", "ferns"]})
    assert words == "about roses (https://t.example/roses)\n\nabout ferns (https://t.example/ferns)"


def test_a_branch_not_taken_leaves_no_hole() -> None:
    markup = "<p>a</p>{% if contact.attributes.city %}<p>b</p>{% endif %}<p>c</p>"
    assert text(markup) == "a\n\nc"
    assert text(markup, attributes={"city": "x"}) == "a\n\nb\n\nc"


def test_mjml_reads_as_text_too() -> None:
    mail = filled(
        mjml_source(
            '<mj-text><h1>Hi {{ contact.given_name }}</h1></mj-text><mj-button href="https://b.example/">Go</mj-button>'
        )
    )
    assert body(mail.raw, "plain").startswith("Hi Ada\n\nGo [1]\n\n1 Garden Lane\nSpringfield Unsubscribe [2]")


def test_values_are_not_escaped_for_html_in_the_text_part() -> None:
    assert text("<p>{{ contact.given_name }}</p>", given_name='<Ada> & "co"') == '<Ada> & "co"'


def test_a_value_of_the_other_direction_is_kept_apart() -> None:
    mail = filled(html_source("<p>{{ contact.given_name }}!</p>"), reader(given_name="שלום"))
    assert "<bdi>שלום</bdi>!" in body(mail.raw, "html")
    assert "\u2068שלום\u2069!" in body(mail.raw, "plain")
    mixed = filled(html_source("<p>{{ contact.given_name }}!</p>", language="he"))
    assert "<bdi>Ada</bdi>!" in body(mixed.raw, "html")
