"""The whitelist: what may be said, and that nothing else can."""

import contextlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rendering.compile import check_content
from campaigns.rendering.content import ContentSource
from campaigns.rendering.expressions import BadExpression, parse_expression
from campaigns.rendering.merge_tags import declared_fields
from campaigns.rendering.preview import render_preview
from campaigns.rendering.program import TooMuchOutput
from tests.rendering.people import campaign, compiled, filled, html_source, reader
from tests.rendering.slow_composer import body

KINDS = {"city": "text", "visits": "number", "joined": "date", "vip": "boolean", "tags": "tags"}
VALUES: dict[str, Any] = {
    "city": "Wien", "visits": 1234.5, "joined": "2024-02-29", "vip": True, "tags": ["roses", "moss"],
}  # fmt: skip


def written(expression: str, *, language: str = "en", **values: Any) -> str:
    source = ContentSource("x", "", "text", "<" + expression + ">", language)
    preview = render_preview(source, reader(attributes=VALUES | values), campaign(), attributes=KINDS)
    assert [problem for problem in preview.problems if problem.severity == "error"] == []
    return preview.text.strip()[1:-1]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("{{ contact.attributes.city }}", "Wien"),
        ("{{ contact.attributes.visits }}", "1234.5"),
        ("{{ contact.attributes.visits | number }}", "1,234.5"),
        ("{{ contact.attributes.visits | number(2) }}", "1,234.50"),
        ("{{ contact.attributes.visits | number(decimals=0) }}", "1,234"),
        ('{{ contact.attributes.visits | money("EUR") }}', "€1,234.50"),
        ("{{ contact.attributes.joined }}", "February 29, 2024"),
        ('{{ contact.attributes.joined | date("short") }}', "2/29/24"),
        ('{{ contact.attributes.joined | date("d MMMM") }}', "29 February"),
        ("{{ contact.attributes.tags }}", "roses, moss"),
        ("{{ contact.attributes.vip }}", "yes"),
        ('{{ "a" + contact.attributes.city }}', "aWien"),
        ("{{ 1 + 2 }}", "3"),
        ('{{ "x" if_not_there }}'.replace(" if_not_there", ""), "x"),
        ("{% if contact.attributes.visits > 1000 and not contact.attributes.vip == false %}y{% endif %}", "y"),
        ("{% if 'moss' in contact.attributes.tags %}y{% else %}n{% endif %}", "y"),
        ("{% if contact.attributes.joined >= '2024-01-01' %}y{% else %}n{% endif %}", "y"),
        ("{% if contact.attributes.city > 3 %}y{% else %}n{% endif %}", "n"),
        ("{%- if true -%}  y  {%- endif -%}", "y"),
        ("{# a note #}y", "y"),
        ("{% for t in contact.attributes.tags %}{{ loop.index }}{{ t }}{% endfor %}", "1roses2moss"),
        ("{{ list.name }}/{{ sender.name }}/{{ campaign.name }}/{{ campaign.subject }}", "News/Fern & Field/Spring/x"),
    ],
)  # fmt: skip
def test_what_may_be_said_and_what_it_says(expression: str, text: str) -> None:
    assert written(expression) == text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("{{ contact.attributes.visits | number(2) }}", "1.234,50"),
        ('{{ contact.attributes.visits | money("EUR") }}', "1.234,50\u00a0€"),
        ("{{ contact.attributes.joined | date }}", "29. Februar 2024"),
    ],
)
def test_filters_write_in_the_contents_language(expression: str, text: str) -> None:
    assert written(expression, language="de") == text


@pytest.mark.parametrize("empty", ["", None, []])
def test_a_fallback_stands_in_for_every_kind_of_nothing(empty: Any) -> None:
    assert written('{{ contact.attributes.city | default("there") }}', city=empty) == "there"
    assert written('{{ contact.attributes.tags | default("none") }}', tags=empty) == "none"
    assert written('{{ ("in " + contact.attributes.city) | default("somewhere") }}', city=empty) == "somewhere"
    assert written("{% if contact.attributes.city %}y{% else %}n{% endif %}", city=empty) == "n"


def test_zero_and_no_are_values() -> None:
    assert written("{{ contact.attributes.visits | default(7) }}", visits=0) == "0"
    assert written("{{ contact.attributes.vip | default('?') }}", vip=False) == "no"


@pytest.mark.parametrize(
    "expression",
    [
        "contact.__class__", "contact.attributes.__class__", "contact.email.upper()", "contact.email.upper",
        "''.__class__",
        "contact['email']", "contact.attributes['city']", "range(9)", "lipsum", "cycler.__init__.__globals__", "self",
        "config", "request", "7*7", "2**99", "9-1", "9/3", "9//2", "9%2", "-contact.email", "'a' ~ 'b'",
        "[1,2]", "{'a':1}", "(1,2)",
        "contact", "contact.attributes", "list", "contact.email|upper", "contact.email|attr('x')",
        "contact.email|map('x')",
        "'x' if true else 'y'", "contact.email is defined", "1 < 2 < 3", "dict(a=1)",
        "contact.email|default", "x", "loop.index",
        "contact.attributes.visits|number(99)", "contact.attributes.visits|number(contact.email)", "''|money('euro')",
        "contact.attributes.visits|money", "contact.email|default(*x)",
        "a.b.c.d", "1 }}{{ 2", "namespace()", "'a' 'b'.c",
    ],
)  # fmt: skip
def test_nothing_else_can_be_said(expression: str) -> None:
    with pytest.raises(BadExpression):
        parse_expression(expression, declared=declared_fields(KINDS))


@given(
    st.text(st.sampled_from("contact.email attributes city|default(')\"'+<>=!~[]{}_ 0123456789andorit"), max_size=60)
)
def test_any_text_is_an_expression_or_a_mistake_and_nothing_worse(text: str) -> None:
    with contextlib.suppress(BadExpression):
        parse_expression(text, declared=declared_fields(KINDS))


@pytest.mark.parametrize(
    "body_text",
    ["{% set x = 1 %}", "{% include 'x' %}", "{% raw %}x{% endraw %}", "{% macro a() %}{% endmacro %}", "{% else %}",
     "{% endif %}", "{% if true %}{% endfor %}", "{% for x in contact.email %}{% endfor %}",
     "{% for contact in contact.attributes.tags %}{% endfor %}",
     "{% if %}x{% endif %}", "{% for x in %}{% endfor %}",
     "{% %}", "{{ }}", "{{ 1 ", "{% if true %}", "{% import 'os' as os %}"],
)  # fmt: skip
def test_blocks_that_are_not_if_or_for_are_mistakes(body_text: str) -> None:
    for body_format in ("text", "html"):
        source = ContentSource("x", "", body_format, f"<p>{body_text}</p>", "en")
        assert any(problem.severity == "error" for problem in check_content(source, attributes=KINDS))


def test_a_persons_own_braces_are_words() -> None:
    html = body(filled(html_source("{{ contact.given_name }}"), reader(given_name="{{7*7}}{% if %}")).raw, "html")
    assert "{{7*7}}{% if %}" in html


def test_a_loop_cannot_write_more_than_a_megabyte() -> None:
    nested = (
        "{% for a in contact.attributes.tags %}{% for b in contact.attributes.tags %}{{ a }}{% endfor %}{% endfor %}"
    )
    with pytest.raises(TooMuchOutput):
        filled(html_source(nested), reader(attributes={"tags": ["x" * 100] * 1000}), tags="tags")


def test_only_fields_that_everybody_needs_are_required() -> None:
    source = html_source(
        "{{ contact.given_name }}{{ contact.family_name | default('x') }}"
        "{{ contact.attributes.city | default(contact.full_name) }}"
        "{% if contact.attributes.vip %}{{ contact.greeting }}{% endif %}"
        "<a href='https://a.example/{{ contact.time_zone }}'>x</a>"
    )
    assert compiled(source, **KINDS).required_fields == ("contact.full_name", "contact.given_name", "contact.time_zone")


def test_dates_may_be_dates() -> None:
    assert written("{{ contact.attributes.joined | date('yyyy') }}", joined=date(2020, 1, 2)) == "2020"
