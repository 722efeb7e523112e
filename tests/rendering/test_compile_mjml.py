"""MJML through MRML, with every trap of that engine walked into on purpose."""

import re

import pytest
from lxml import html as lxml_html

from campaigns.rendering.compile import check_content
from campaigns.rendering.content import ContentSource
from campaigns.rendering.problems import ContentErrors
from tests.rendering.mail_rules import broken_rules
from tests.rendering.people import FOOT, campaign, compiled, filled, html_source, mjml_source, reader
from tests.rendering.slow_composer import body


def page(source: ContentSource, **attributes: str) -> str:
    return body(filled(source, context=campaign(tracking=False), **attributes).raw, "html")


@pytest.mark.parametrize(
    "alt", ["हिन्दी किताब", "ภาษาไทย", "👩‍👩‍👧 family", "a\u00a0b", 'say "hi"', "it's", "a & b", "<b>", "√π"]
)
def test_any_alt_text_comes_through_as_it_was_written(alt: str) -> None:
    written = alt.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    shown = lxml_html.fromstring(page(mjml_source(f'<mj-image src="https://a.example/i.png" alt="{written}" />')))
    assert shown.xpath("//img[@src='https://a.example/i.png']/@alt") == [alt]


def test_quotes_of_one_kind_inside_the_other_do_not_break_an_attribute() -> None:
    source = mjml_source("<mj-text><a href='https://a.example/?q=\"x\"' title='say \"hi\"'>go</a></mj-text>")
    link = lxml_html.fromstring(page(source)).xpath("//a[text()='go']")[0]
    assert (link.get("title"), link.get("href")) == ('say "hi"', "https://a.example/?q=%22x%22")


def test_an_expression_with_quotes_stands_in_a_quoted_attribute() -> None:
    source = mjml_source(
        '<mj-button href="https://a.example/?n={{ contact.attributes.city | default("a b") }}&amp;x=1">Go</mj-button>'
    )
    assert 'href="https://a.example/?n=a%20b&amp;x=1"' in page(source, city="text")


def test_a_comparison_in_a_block_is_no_tag() -> None:
    source = mjml_source("<mj-text>{% if contact.attributes.age < 18 %}young{% else %}old{% endif %}</mj-text>")
    html = body(filled(source, reader(attributes={"age": 12}), age="number").raw, "html")
    assert "young" in html
    assert "old</div>" not in html


def test_blocks_may_stand_between_sections_columns_and_elements() -> None:
    block = "{%% if contact.language == '%s' %%}%s{%% endif %%}"
    column = block % ("en", "<mj-text>IN COLUMN</mj-text>") + block % ("de", "<mj-text>NOT COLUMN</mj-text>")
    section = block % ("en", "<mj-section><mj-column><mj-text>IN BODY</mj-text></mj-column></mj-section>")
    section += block % ("de", "<mj-section><mj-column><mj-text>NOT BODY</mj-text></mj-column></mj-section>")
    whole = f"<mjml><mj-body>{section}<mj-section><mj-column>{column}</mj-column></mj-section></mj-body></mjml>"
    html = page(ContentSource("x", "", "mjml", whole, "en"))
    assert "IN COLUMN" in html
    assert "IN BODY" in html
    assert "NOT" not in html
    assert html.count("<!--[if") == html.count("<![endif]")


def test_a_loop_repeats_what_is_in_it() -> None:
    source = mjml_source(
        "<mj-text>{% for t in contact.attributes.tags %}{% if not loop.first %}, {% endif %}{{ t }}{% endfor %}"
        "</mj-text>"
    )
    html = body(filled(source, reader(attributes={"tags": ["roses", "<ferns>", "moss"]}), tags="tags").raw, "html")
    assert "roses, &lt;ferns&gt;, moss" in html


def test_conditional_comments_and_raw_parts_reach_the_mail_unharmed() -> None:
    raw = "<!--[if mso]><table><tr><td>OUTLOOK & <b>more</b></td></tr></table><![endif]-->"
    opened, closed = "<!--[if mso]><table><tr><td><![endif]-->", "<!--[if mso]></td></tr></table><![endif]-->"
    source = mjml_source(f"<mj-raw>{opened}</mj-raw><mj-text>{raw}MIDDLE</mj-text><mj-raw>{closed}</mj-raw>")
    html = page(source)
    assert raw in html
    assert html.index(opened) < html.index("MIDDLE") < html.index(closed)
    assert "<mj-" not in html


def test_media_queries_keep_their_important_and_inline_styles_are_inlined() -> None:
    head = (
        "<mj-style>@media (prefers-color-scheme: dark) { .x { color: #fff !important; } } a:hover { color: red; }"
        '</mj-style><mj-style inline="inline">.x { color: #123456; }</mj-style>'
    )
    html = page(mjml_source('<mj-text><p class="x">hi</p></mj-text>', head=head))
    assert "color: #fff !important" in html
    assert re.search(r'<p class="x" style="[^"]*color: ?#123456', html)
    assert ".x { color: #123456; }" not in html
    assert "data-premailer" not in html


def test_css_with_a_hash_after_a_brace_is_no_comment() -> None:
    html = page(mjml_source("<mj-text>x</mj-text>", head="<mj-style>@media print{#a{color:red}}</mj-style>"))
    assert "@media print{#a{color:red}}" in html.replace("\n", "")


def test_a_value_in_a_style_survives_the_css_engine_and_cannot_leave_it() -> None:
    source = html_source('<style>.x { margin: 0 }</style><p class="x" style="color:{{ contact.attributes.c }}">x</p>')
    assert "color:#ff0000" in body(filled(source, reader(attributes={"c": "#ff0000"}), c="text").raw, "html")
    evil = body(filled(source, reader(attributes={"c": 'red;background:url("//evil")'}), c="text").raw, "html")
    assert "url(" not in evil


@pytest.mark.parametrize("language", ["ar", "he", "fa-IR"])
def test_right_to_left_languages_turn_the_whole_mail_round(language: str) -> None:
    html = page(mjml_source("<mj-text>שלום</mj-text>", language=language))
    assert f'<html lang="{language}" dir="rtl"' in html
    assert 'dir="ltr"' not in html
    assert "text-align:right" in html
    assert "direction:rtl" in html


def test_the_mail_has_the_language_a_title_and_no_third_party_fonts() -> None:
    html = page(mjml_source("<mj-text>x</mj-text>", language="de", subject='Für "dich" & mich'))
    assert '<html lang="de" dir="ltr"' in html
    assert "<title>Für &quot;dich&quot; &amp; mich</title>" in html
    assert 'aria-label="Für &quot;dich&quot; &amp; mich"' in html
    assert "fonts.googleapis" not in html
    assert "und" not in re.findall(r'lang="([^"]+)"', html)


def test_upper_case_tags_bare_ampersands_comments_and_cdata_are_read() -> None:
    source = mjml_source("<mj-text><P>A & B<BR>c</P><!-- a -- b --><![CDATA[1 < 2]]></mj-text>")
    html = page(source)
    assert "A & B" in html
    assert "1 &lt; 2" in html
    assert "a -- b" not in html


@pytest.mark.parametrize(
    ("written", "code", "place", "words"),
    [
        ("<mj-sectoin></mj-sectoin>", "unknown_tag", (2, 3), "Did you mean mj-section?"),
        ("<mj-text>x</mj-text>", "misplaced_tag", (2, 3), "<mj-text> may not stand in <mj-body>"),
        ("<mj-section><mj-text>x</mj-text></mj-section>", "misplaced_tag", (2, 15), "only mj-column"),
        ("<mj-section>words</mj-section>", "misplaced_text", (2, 15), "put it into <mj-text>"),
        ("<mj-section><mj-column><mj-text><p>x</mj-text></mj-column></mj-section>", "unclosed_tag", (2, 35), "</p>"),
        ("<mj-section>", "unclosed_tag", (2, 3), "</mj-section>"),
        ("<mj-section></mj-wrapper></mj-section>", "stray_tag", (2, 15), "closes nothing"),
        ("<mj-include path='/etc/passwd' />", "refused_tag", (2, 3), "included"),
        ("<mj-raw>{{ contact.givn_name }}</mj-raw>", "bad_expression", (2, 14), "Did you mean contact.given_name?"),
        ("<mj-raw>{% if contact.email %}x</mj-raw>", "unclosed_block", (2, 11), "endif"),
        ("<mj-raw>{{ contact.email </mj-raw>", "unclosed_expression", (2, 11), "add }}"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_line_and_column(written: str, code: str, place: tuple[int, int], words: str) -> None:
    source = ContentSource("x", "", "mjml", f"<mjml><mj-body>\n  {written}\n</mj-body></mjml>", "en")
    problems = [problem for problem in check_content(source, attributes={}) if problem.code == code]
    assert [(problem.line, problem.column) for problem in problems][:1] == [place]
    assert words in problems[0].message


def test_all_mistakes_are_told_at_once() -> None:
    source = ContentSource(
        "{{ contact.nme }}", "{{ nobody }}", "mjml", "<mjml><mj-body><mj-x/><mj-y/></mj-body></mjml>", "en"
    )
    problems = check_content(source, attributes={})
    assert [problem.part for problem in problems] == ["subject", "preheader", "body", "body"]
    with pytest.raises(ContentErrors) as caught:
        compiled(source)
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("body_format", ["mjml", "html", "text", "pdf"])
@pytest.mark.parametrize("words", ["", "   ", "\n"])
def test_an_empty_body_is_told(body_format: str, words: str) -> None:
    codes = {problem.code for problem in check_content(ContentSource("x", "", body_format, words, "en"), attributes={})}
    assert codes & {"empty_body", "bad_format"}


def test_a_source_beyond_512_kb_is_refused() -> None:
    problems = check_content(html_source("x" * 600_000), attributes={})
    assert problems[0].code == "too_large"


def test_a_mail_that_gmail_would_cut_is_warned_about() -> None:
    codes = [problem.code for problem in check_content(html_source("<p>word</p>" * 9_000), attributes={})]
    assert "too_big" in codes
    assert compiled(html_source("<p>word</p>" * 9_000)).size_estimate > 90_000


def test_html_is_completed_and_what_mails_cannot_hold_is_left_out() -> None:
    source = html_source(
        '<script>alert("x")</script><link rel="stylesheet" href="https://evil.example/x.css">'
        '<iframe src="//e"></iframe>'
        "<![if !mso]><p>shown</p><![endif]><p>hi", language="fi",
    )  # fmt: skip
    html = page(source)
    assert html.startswith('<!doctype html><html lang="fi" dir="ltr">')
    assert "<title>Hello</title>" in html
    assert not re.search("<script|<link|<iframe|evil", html)
    assert "<!--[if !mso]><!--><p>shown</p><!--<![endif]-->" in html


def test_a_whole_html_document_keeps_its_head_and_gets_what_is_missing() -> None:
    whole = f"<!DOCTYPE html><html><head><style>p{{color:#111111}}</style></head><body><p>x</p>{FOOT}</body></html>"
    html = page(ContentSource("T", "pre", "html", whole, "en"))
    assert html.count("<html") == html.count("<body") == html.count("<head>") == 1
    assert re.search(r'<p style="color: ?#111(111)?">x</p>', html)
    assert html.index("pre") < html.index("<p style")


def test_the_preheader_comes_first_and_is_hidden_from_the_text_part() -> None:
    mail = filled(mjml_source("<mj-text>x</mj-text>", preheader="For {{ contact.given_name }} <only>"))
    assert "For Ada &lt;only&gt;" in body(mail.raw, "html")
    assert "only" not in body(mail.raw, "plain")
    assert broken_rules(mail.raw) == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_block_hidden_in_a_comment_is_a_block(language: str) -> None:
    words = "<!-- {% if contact.language == 'de' %} --><p>GERMAN</p><!-- {% endif %} --><!-- {{ contact.email }} -->"
    for source in (mjml_source(f"<mj-text>{words}</mj-text>"), html_source(words)):
        mail = filled(source, reader(language=language))
        for part in ("html", "plain"):
            assert ("GERMAN" in body(mail.raw, part)) == (language == "de")
            assert "ada@" not in body(mail.raw, part)
