"""No template holds bare text: every visible word goes through gettext, or half a page stays English in Finnish."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = sorted((ROOT / "web" / "templates").rglob("*.html"))
TRANSLATED = re.compile(r"\{%-?\s*trans\b.*?%\}.*?\{%-?\s*endtrans\s*-?%\}", re.DOTALL)
JINJA = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
SPOKEN_ATTRIBUTES = {
    "alt",
    "title",
    "placeholder",
    "aria-label",
    "data-label",
    "aria-description",
    "data-words",
    "data-done",
}
ATTRIBUTES = re.compile(r"""[\w:-]+="[^"]*"|\bdata-[\w-]+|\bautofocus\b""")  # macros that write attributes only
LETTERS = re.compile(r"[^\W\d_]{2,}")
NAMES = {"Tidings", "lt", "gt", "amp", "nbsp", "middot", "times", "quot"}  # the product's, and what entities leave
SILENT = {"script", "style", "code"}


class BareText(HTMLParser):
    """Collects words that a reader would see or hear."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        self.found += [value for name, value in attributes if name in SPOKEN_ATTRIBUTES and value and _speaks(value)]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT

    def handle_data(self, text: str) -> None:
        if not self._silent and _speaks(ATTRIBUTES.sub("", text)):
            self.found.append(text.strip())


def _speaks(text: str) -> bool:
    return any(word not in NAMES for word in LETTERS.findall(text))


def find_bare_text(template: str) -> list[str]:
    parser = BareText()
    parser.feed(JINJA.sub("", TRANSLATED.sub("", template)))
    parser.close()
    return parser.found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "web" / "templates")))
def test_a_template_has_no_bare_text(path: Path) -> None:
    assert find_bare_text(path.read_text()) == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>{% trans %}Hello{% endtrans %}</p>", []),
        ("<p>{{ _('Hello') }} · 3</p>", []),
        ("<p>Hello {{ name }}</p>", ["Hello"]),
        ('<img alt="A garden">', ["A garden"]),
        ('<img alt="{{ alt }}"><input placeholder="{% trans %}Name{% endtrans %}">', []),
        ("{# Hello #}<code>tidings up</code>", []),
        ('{% macro a() %}hx-post="{{ url }}" data-focus autofocus{% endmacro %}', []),
        ("<p>{% if a %}Yes{% endif %}</p>", ["Yes"]),
    ],
)
def test_the_check_finds_what_is_bare_and_nothing_else(template: str, found: list[str]) -> None:
    assert find_bare_text(template) == found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "web" / "templates")))
def test_a_template_has_no_inline_script_or_style(path: Path) -> None:
    """The policy of the pages refuses both, so a page with one looks broken, and only in a browser."""
    text = path.read_text()
    assert re.findall(r"<[^>]*\sstyle=|\son\w+=|<style\b|javascript:", JINJA.sub("", text)) == []
    assert [
        tag for tag in re.findall(r"<script\b[^>]*>", text) if "src=" not in tag and "application/json" not in tag
    ] == []
