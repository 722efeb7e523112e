"""Reading markup: a tolerant tokenizer for MJML and HTML that knows where each thing stands.

It never repairs and never raises; what it cannot read as a tag is text, as in a browser.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
OPAQUE = frozenset(["style", "script", "mj-style", "mj-raw"])  # what is inside is no markup of ours

TAG = re.compile(r"""<(/?)([A-Za-z][^\s/>"'<=]*)((?:[^"'<>]|"[^"]*"|'[^']*')*+)>""")
ATTRIBUTE = re.compile(r"""([^\s=/>"']+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
DECLARATION = re.compile(r"<[!?][^>]*>")
OPENINGS = {"comment": "<!--", "cdata": "<![CDATA[", "declaration": "<!"}
CONDITIONAL = re.compile(r"<!(--)?\[(if|endif)|<!--<!\[endif", re.IGNORECASE)


@dataclass(frozen=True)
class Attribute:
    """One attribute; ``value`` is decoded, ``start`` and ``end`` bound the raw value (inside its quotes)."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Token:
    """One piece of markup. ``kind``: open, close, text, comment, conditional, cdata, declaration or opaque.

    ``name`` is in lower case. An opaque token is the body of a style, script, mj-style or mj-raw element.
    """

    kind: str
    start: int
    end: int
    raw: str
    name: str = ""
    self_closing: bool = False
    attributes_start: int = 0
    attributes_raw: str = ""

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        return tuple(_read_attributes(self.attributes_raw, self.attributes_start))

    def get(self, name: str) -> str | None:
        """Return the decoded value of an attribute, or None."""
        return next((attribute.value for attribute in self.attributes if attribute.name == name), None)


def _read_attributes(raw: str, offset: int) -> Iterator[Attribute]:
    for match in ATTRIBUTE.finditer(raw):
        name, value = match.group(1).lower(), match.group(2)
        if value is None:
            yield Attribute(name, "", offset + match.end(), offset + match.end())
            continue
        quoted = 1 if value[0] in "\"'" else 0
        start, end = offset + match.start(2) + quoted, offset + match.end(2) - quoted
        yield Attribute(name, html.unescape(value[quoted : len(value) - quoted]), start, end)


def read_markup(source: str) -> Iterator[Token]:
    """Yield the tokens of ``source`` in order; together they cover every character once."""
    position = text_start = 0
    unclosed: set[str] = set()
    while (less := source.find("<", position)) >= 0:
        token = _read_token(source, less, unclosed)
        if token is None:
            position = less + 1
            continue
        if less > text_start:
            yield Token("text", text_start, less, source[text_start:less])
        yield token
        position = text_start = token.end
        if token.kind == "open" and token.name in OPAQUE and not token.self_closing:
            close = re.compile(rf"</{re.escape(token.name)}\s*>", re.IGNORECASE).search(source, position)
            end = close.start() if close else len(source)
            if end > position:
                yield Token("opaque", position, end, source[position:end], token.name)
            position = text_start = end
    if text_start < len(source):
        yield Token("text", text_start, len(source), source[text_start:])


def _read_token(source: str, start: int, unclosed: set[str]) -> Token | None:
    """Read one token. What was once found to have no end is not looked for again: that would cost the square."""
    if match := TAG.match(source, start):
        close, name, attributes = match.groups()
        closing = attributes.rstrip().endswith("/")
        return Token(
            "close" if close else "open",
            start,
            match.end(),
            match.group(),
            name.lower(),
            closing,
            match.start(3),
            attributes.rstrip().removesuffix("/") if closing else attributes,
        )
    for kind, pattern in (("comment", COMMENT), ("cdata", CDATA), ("declaration", DECLARATION)):
        if kind in unclosed:
            continue
        match = pattern.match(source, start)
        if match is None and source.startswith(OPENINGS[kind], start):
            unclosed.add(kind)
        if match:
            raw = match.group()
            kind = "conditional" if CONDITIONAL.match(raw) else kind
            return Token(kind, start, match.end(), raw)
    return None
