"""Compiled HTML to parts: expressions by the place they stand in, links to the link table."""

import html
import re

from campaigns.rendering import escape as e
from campaigns.rendering.assemble import Assembler
from campaigns.rendering.links import UNTRACKED_SCHEMES, LinkTable, as_ascii, has_fixed_host, map_literals, scheme_of
from campaigns.rendering.markup import Attribute, Token, read_markup
from campaigns.rendering.parts import (
    Choice,
    Field,
    LinkUrl,
    Literal,
    Loop,
    Part,
    Parts,
    Value,
    expressions_in,
    fields_of,
)
from campaigns.rendering.problems import Findings

LINK_ELEMENTS = ("a", "area")
URL_ATTRIBUTES = frozenset(
    ["href", "src", "background", "action", "formaction", "poster", "cite", "data", "longdesc", "srcset", "xlink:href"]
)
PLAIN_ELEMENTS = ("title", "textarea", "option")
CONDITIONAL = re.compile(r"(<!--\[if[^>]*\]>)(.*?)(<!\[endif\]-->)", re.DOTALL | re.IGNORECASE)
REFUSED_SCHEMES = ("javascript", "vbscript", "data", "file", "blob")
UNTRACKED_MARK = "untracked:"


class HtmlReader:
    """Reads one compiled body."""

    def __init__(self, assembler: Assembler, links: LinkTable) -> None:
        self.assembler = assembler
        self.links = links
        self.findings: Findings = assembler.findings
        self.pattern = assembler.shield.pattern
        self.plain_depth = 0
        self.open_link: tuple[str, int] | None = None
        self.label = ""
        self.after_body: Parts = ()

    def read(self, source: str) -> None:
        """Read masked HTML into the assembler, and its links into the link table."""
        for token in read_markup(source):
            match token.kind:
                case "text":
                    self.label += token.raw
                    self.assembler.add_text(token.raw, e.TITLE if self.plain_depth else e.TEXT)
                case "open":
                    self._open(token, source)
                case "close":
                    self._close(token)
                case "comment":
                    self._comment(token.raw)
                case "conditional":
                    self._conditional(token.raw)
                case _:
                    self.assembler.add_literal(self.assembler.shield.unmask(token.raw))

    def _open(self, token: Token, source: str) -> None:
        if token.name in PLAIN_ELEMENTS:
            self.plain_depth += 1
        if token.name == "img":
            self.label += " " + (token.get("alt") or "")
        values = {attribute.start for attribute in token.attributes if self.pattern.search(attribute.value)}
        if len(self.pattern.findall(token.raw)) != sum(
            len(self.pattern.findall(attribute.value)) for attribute in token.attributes
        ):
            self.findings.error(
                "expression_in_tag",
                "An expression may stand in text or in an attribute's value, not inside the tag itself.",
                self._offset(token.raw),
            )
            return
        position = token.start
        for attribute in token.attributes:
            is_link = attribute.name == "href" and is_link_element(token.name)
            if is_link or attribute.start in values:
                quoted = is_quoted(source, attribute)
                self.assembler.add_literal(source[position : attribute.start] + ("" if quoted else '"'))
                self._value(token, attribute, is_link)
                self.assembler.add_literal("" if quoted else '"')
                position = attribute.end
        self.assembler.add_literal(source[position : token.end])
        if token.name == "body":
            self._add_all(self.after_body)

    def _close(self, token: Token) -> None:
        if token.name in PLAIN_ELEMENTS:
            self.plain_depth = max(0, self.plain_depth - 1)
        if self.open_link and self.open_link[0] == token.name:
            self.links.name(self.open_link[1], self._words(self.label))
            self.open_link = None
        self.assembler.add_literal(token.raw)

    def _comment(self, raw: str) -> None:
        """A block that was put into a comment to get through the CSS engine comes out; other comments are dropped."""
        if mask := self.assembler.shield.block_in_comment(raw):
            self.assembler.add_text(mask, e.TEXT)

    def _conditional(self, raw: str) -> None:
        match = CONDITIONAL.fullmatch(raw)
        if match is None or not match.group(2):
            self.assembler.add_literal(raw)
            return
        self.assembler.add_literal(match.group(1))
        outer, self.open_link = self.open_link, None
        self.read(match.group(2))
        self.open_link = outer
        self.assembler.add_literal(match.group(3))

    def _value(self, token: Token, attribute: Attribute, is_link: bool) -> None:
        text = attribute.value
        escape = escape_for(attribute.name)
        if escape is None:
            self.findings.error(
                "expression_in_script", f"An expression may not stand in {attribute.name}.", self._offset(text)
            )
            return
        if escape != e.URL:
            self._add_all(self._read_value(text, escape), as_attribute=True)
            return
        is_untracked = text.startswith(UNTRACKED_MARK) or token.get("data-tracking") == "off"
        text = text.removeprefix(UNTRACKED_MARK).strip()
        parts = self._read_value(text, e.URL)
        if is_own_link(parts):
            self._add_all(parts)
        elif self._is_sound(parts, text, is_link):
            parts = map_literals(parts, as_ascii)
            if is_link and not is_untracked and scheme_of(parts) in ("http", "https", None):
                self._track(token, text, parts)
            else:
                self._add_all(parts, as_attribute=True)

    def _read_value(self, text: str, escape: str) -> Parts:
        """Return an attribute's value as parts: blocks in it must close in it."""
        inner = Assembler(
            self.assembler.shield,
            declared=self.assembler.declared,
            findings=self.findings,
            variables=self.assembler.variables,
        )
        inner.add_text(text, escape)
        parts = inner.finish()
        if is_own_link(parts):
            assert isinstance(parts[0], Value)
            return (Value(parts[0].expression, e.ATTRIBUTE),)
        return parts

    def _is_sound(self, parts: Parts, text: str, is_link: bool) -> bool:
        scheme, offset = scheme_of(parts), self._offset(text)
        if any(name.startswith("links.") for expression in expressions_in(parts) for name in fields_of(expression)):
            self.findings.error(
                "link_inside_link", "A links.… merge tag must be the whole URL; it must not reach another site.", offset
            )
        elif scheme in REFUSED_SCHEMES and not (scheme == "data" and not is_link and len(parts) == 1):
            self.findings.error("link_scheme", f"A link may not start with {scheme}:.", offset)
        elif scheme in ("http", "https") or scheme is None:
            if has_fixed_host(parts):
                return True
            self.findings.error(
                "link_host_personal" if len(parts) != 1 else "link_without_host",
                "A merge tag may not form the scheme or the host of a URL: begin it with https://host/."
                if len(parts) != 1
                else f"This URL names no host: {text[:80]}",
                offset,
            )
        else:
            if scheme == "" and is_link and text and not text.startswith("#"):
                self.findings.warn("link_relative", f"{text[:80]} leads nowhere from a mail; write https://….", offset)
            return scheme == "" or scheme in (*UNTRACKED_SCHEMES, "cid", "data") or is_link
        return False

    def _track(self, token: Token, text: str, parts: Parts) -> None:
        template = self.assembler.shield.unmask(text)
        self.label = ""
        index = self.links.add(template, parts, token.get("title") or "", self._offset(text))
        if not token.self_closing:
            self.open_link = (token.name, index)
        self.assembler.add_part(LinkUrl(index))

    def _add_all(self, parts: Parts, as_attribute: bool = False) -> None:
        for part in attribute_parts(parts) if as_attribute else parts:
            self.assembler.add_part(part)

    def _offset(self, text: str) -> int | None:
        """Return where the first expression in ``text`` stands in the author's source, or the text itself."""
        if match := self.pattern.search(text):
            return self.assembler.shield.masked(match.group(1)).offset
        found = self.findings.source.find(text) if text else -1
        return found if found >= 0 else None

    def _words(self, label: str) -> str:
        return self.assembler.shield.unmask(html.unescape(label))


def is_link_element(name: str) -> bool:
    """Say whether an element's href is a link to follow: HTML's and VML's, not ``<link>`` or ``<base>``."""
    return name in LINK_ELEMENTS or name.startswith("v:")


def is_own_link(parts: Parts) -> bool:
    """Say whether a URL is one ``links.…`` merge tag and nothing else."""
    return (
        len(parts) == 1
        and isinstance(parts[0], Value)
        and isinstance(parts[0].expression, Field)
        and parts[0].expression.kind == "link"
    )


def is_quoted(source: str, attribute: Attribute) -> bool:
    quote = source[attribute.start - 1]
    return quote in "\"'" and source[attribute.end : attribute.end + 1] == quote


def escape_for(attribute: str) -> str | None:
    """Return how values are escaped in an attribute, or None where none may stand."""
    if attribute.startswith("on") or attribute == "srcdoc":
        return None
    if attribute == "style":
        return e.STYLE
    return e.URL if attribute in URL_ATTRIBUTES else e.ATTRIBUTE


def attribute_parts(parts: Parts) -> list[Part]:
    """Return parts whose literals are plain text as parts that may stand between quotes."""
    written: list[Part] = []
    for part in parts:
        match part:
            case Literal(text):
                written.append(Literal(e.escape_attribute(text)))
            case Choice(branches):
                written.append(Choice(tuple((when, tuple(attribute_parts(body))) for when, body in branches)))
            case Loop(variable, over, body):
                written.append(Loop(variable, over, tuple(attribute_parts(body))))
            case _:
                written.append(part)
    return written
