"""Previews and view-in-browser hold no token; the mails that come with Tidings are as good as we ask of others."""

import re
from datetime import date

import pytest

from campaigns.rendering.compile import check_content, compile_content
from campaigns.rendering.content import ContentSource
from campaigns.rendering.evaluate import MissingValue
from campaigns.rendering.format_values import as_number, write_date, write_money, write_number
from campaigns.rendering.preview import render_preview
from campaigns.rendering.system_mail import SystemSender, write_system_mail
from campaigns.rendering.view import render_view
from templates_email.load import NoSuchTemplate, list_templates, load_template
from tests.rendering.mail_rules import broken_rules
from tests.rendering.people import NOW, campaign, compiled, filled, html_source, mjml_source, reader
from tests.rendering.slow_composer import body, read

BODY = (
    '<a href="https://a.example/{{ contact.attributes.city }}">a</a><a href="{{ links.preferences }}">p</a>'
    '<a href="{{ links.view }}">v</a>{{ contact.attributes.city }}'
)
SENDER = SystemSender("Tidings", "tidings@fern.example", "Fern Ltd", "1 Garden Lane", "News")


def test_a_preview_holds_no_token_no_pixel_and_marks_what_is_missing() -> None:
    preview = render_preview(html_source(BODY), reader(), campaign(), attributes={"city": "text"})
    assert not re.search(r"/[cuvpo]/", preview.html)
    assert 'href="https://a.example/%5Bcity%20is%20missing%5D"' in preview.html
    assert "[city is missing]" in preview.text
    assert preview.size_bytes == len(preview.html.encode())


def test_a_preview_shows_subject_and_preheader_as_the_reader_sees_them() -> None:
    source = html_source("x", subject="Hi {{ contact.given_name }}", preheader="{{ contact.given_name }} & co")
    preview = render_preview(source, reader(given_name="<Ada>"), campaign(), attributes={})
    assert (preview.subject, preview.preheader) == ("Hi <Ada>", "<Ada> & co")
    assert "&lt;Ada&gt; &amp; co" in preview.html


def test_the_browser_view_scores_and_unsubscribes_nobody() -> None:
    page = render_view(compiled(html_source(BODY), city="text"), reader(attributes={"city": "Wien"}), campaign())
    assert not re.search(r"/[cuvpo]/", page)
    assert 'href="https://a.example/Wien"' in page
    assert "<img" not in page


def test_a_text_mail_is_viewed_as_text() -> None:
    source = ContentSource("A & B", "", "text", "<b>{{ contact.given_name }}</b>", "he")
    page = render_view(compiled(source), reader(), campaign())
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    assert 'dir="rtl"' in page
    assert "<title>A &amp; B</title>" in page


@pytest.mark.parametrize("language", ["en", "de", "ar", "zh"])
def test_the_starter_has_nothing_to_complain_about(language: str) -> None:
    template = load_template("newsletter")
    source = ContentSource(template.subject, template.preheader, "mjml", template.body, language)
    assert check_content(source, attributes={}) == []
    content = compile_content(source, attributes={})
    assert content.required_fields == ("contact.email", "contact.greeting")
    mail = filled(source, reader(given_name=""))
    assert broken_rules(mail.raw) == []
    html = body(mail.raw, "html")
    assert f'<html lang="{language}"' in html
    assert re.findall(r"<h([1-6])", html) == ["1", "2", "2"]
    for words in (
        "Unsubscribe",
        "Choose what you get",
        "Read it in the browser",
        "Fern &amp; Field Ltd",
        "1 Garden Lane",
    ):
        assert words in html
    assert "prefers-color-scheme: dark" in html
    assert len(html.encode()) < 40_000


@pytest.mark.parametrize("template", list_templates("system"), ids=lambda template: str(template.name))
def test_system_mails_keep_every_rule_and_track_nothing(template: object) -> None:
    values = template.sample["mail"]  # type: ignore[attr-defined]
    name = template.name  # type: ignore[attr-defined]
    mail = write_system_mail(
        name,
        values=values,
        sender=SENDER,
        to_email="ada@example.com",
        idempotency_key="k1",
        now=NOW,
        is_confirmation=True,
    )
    assert broken_rules(mail.raw) == []
    assert read(mail.raw)["Auto-Submitted"] == "auto-generated"
    assert read(mail.raw)["List-Unsubscribe"] is None
    assert values["action_url"] in body(mail.raw, "html")
    assert values["action_url"] in body(mail.raw, "plain")
    assert ".gif" not in body(mail.raw, "html")
    again = write_system_mail(
        name, values=values, sender=SENDER, to_email="ada@example.com", idempotency_key="k1", now=NOW
    )
    assert again.message_id == mail.message_id


def test_a_system_mail_without_a_value_says_which() -> None:
    with pytest.raises(MissingValue):
        write_system_mail("notice", values={}, sender=SENDER, to_email="a@b.example", idempotency_key="k", now=NOW)


def test_a_template_that_is_not_there_is_named() -> None:
    with pytest.raises(NoSuchTemplate, match="newsletter"):
        load_template("../newsletter")


@pytest.mark.parametrize(
    ("language", "day", "number", "money"),
    [
        ("en", "March 1, 2026", "12,345.5", "€12,345.50"),
        ("de", "1. März 2026", "12.345,5", "12.345,50\u00a0€"),
        ("fi", "1. maaliskuuta 2026", "12\u00a0345,5", "12\u00a0345,50\u00a0€"),
        ("zh-TW", "2026年3月1日", "12,345.5", "€12,345.50"),
        ("not a language", "March 1, 2026", "12,345.5", "€12,345.50"),
    ],
)
def test_values_are_written_as_the_language_writes_them(language: str, day: str, number: str, money: str) -> None:
    value = as_number("12345.5")
    assert value is not None
    assert write_date(date(2026, 3, 1), language) == day
    assert write_number(value, language) == number
    assert write_money(value, language, "EUR") == money


def test_what_is_no_number_is_none() -> None:
    assert [as_number(value) for value in ("x", "NaN", "Infinity", True, None, [], "1e999999")] == [None] * 7


def test_all_kinds_of_elements_compile() -> None:
    source = mjml_source(
        '<mj-navbar><mj-navbar-link href="https://a.example/">A</mj-navbar-link></mj-navbar>'
        '<mj-social><mj-social-element name="github" href="https://b.example/">B</mj-social-element></mj-social>'
        '<mj-carousel><mj-carousel-image src="https://a.example/1.png" alt="one" /></mj-carousel>'
        "<mj-accordion><mj-accordion-element><mj-accordion-title>T</mj-accordion-title>"
        "<mj-accordion-text>X</mj-accordion-text></mj-accordion-element></mj-accordion>"
        "<mj-table><tr><td>1</td></tr></mj-table><mj-spacer /><mj-divider />"
    )
    html = body(filled(source).raw, "html")
    assert "<mj-" not in html
    assert len(compiled(source).links) == 2
