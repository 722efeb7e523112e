"""Escaping: a merge value written for where it stands."""

import re
from collections.abc import Callable
from urllib.parse import quote

CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
NEEDS_CARE = re.compile("[^ -%'-;=?-~]|[\"&<>]")  # anything but plain ASCII that HTML takes as it is
DIRECTIONAL = re.compile(
    "[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")
PRINTABLE = re.compile("[ -~]*")
EMBEDDINGS = re.compile("[\u202a-\u202e\u2066-\u2069]")
NOT_STYLE = re.compile(r"[^\w #%.,\-]", re.ASCII)

TEXT, TITLE, ATTRIBUTE, URL, STYLE, PLAIN, PLAIN_URL, HEADER, NONE = (
    "text", "title", "attribute", "url", "style", "plain", "plain_url", "header", "none",
)  # fmt: skip


def clean(value: str) -> str:
    """Return a value without control characters, NUL and half surrogates, with ``\\n`` as its only line end."""
    return CONTROLS.sub("", LINE_ENDS.sub("\n", value))


def _markup(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def escape_text(value: str, right_to_left: bool) -> str:
    """Return a value as HTML text, in ``<bdi>`` where directions may mix; line ends become ``<br>``."""
    if not NEEDS_CARE.search(value):
        return f"<bdi>{value}</bdi>" if right_to_left and value else value
    value = clean(value)
    escaped = _markup(value).replace("\n", "<br>")
    return f"<bdi>{escaped}</bdi>" if value and (right_to_left or DIRECTIONAL.search(value)) else escaped


def escape_attribute(value: str, _: bool = False) -> str:
    """Return a value for between double quotes, or inside ``<title>``."""
    return _markup(clean(value)).replace("'", "&#39;") if NEEDS_CARE.search(value) or "'" in value else value


def escape_url(value: str, _: bool = False) -> str:
    """Return a value as one percent-encoded piece of a URL's path, query or fragment (RFC 3986)."""
    return value if UNRESERVED.fullmatch(value) else quote(clean(value), safe="")


def escape_style(value: str, _: bool = False) -> str:
    """Return what of a value may stand in a ``style`` attribute: letters, digits and ``# % . , -``."""
    return NOT_STYLE.sub("", value)


def escape_plain(value: str, right_to_left: bool) -> str:
    """Return a value for the text part, isolated (U+2068, U+2069) where directions may mix."""
    value = clean(value)
    return f"\u2068{value}\u2069" if DIRECTIONAL.search(value) and not right_to_left else value


def escape_header(value: str, _: bool = False) -> str:
    """Return a value for a header: one line, and nothing that turns the rest of it round."""
    if PRINTABLE.fullmatch(value):
        return value
    return EMBEDDINGS.sub("", clean(value)).replace("\n", " ").replace("\t", " ")


def escape_none(value: str, _: bool = False) -> str:
    return value


ESCAPES: dict[str, Callable[[str, bool], str]] = {
    TEXT: escape_text,
    TITLE: escape_attribute,
    ATTRIBUTE: escape_attribute,
    URL: escape_url,
    STYLE: escape_style,
    PLAIN: escape_plain,
    PLAIN_URL: escape_url,
    HEADER: escape_header,
    NONE: escape_none,
}
