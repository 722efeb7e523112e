"""MJML to HTML through MRML, with the source rewritten first so that nothing in it can trip the engine.

MRML prints attribute values with Rust's debug quoting, fails on comments with ``--``, CDATA and bare ``<``, and
writes ``lang="und"`` when it is told nothing.
"""

import html
import re

import mjml

from campaigns.rendering.content import direction_of
from campaigns.rendering.markup import Token, read_markup
from campaigns.rendering.problems import Findings
from campaigns.rendering.read_html import UNTRACKED_MARK
from campaigns.rendering.shield import Shield
from campaigns.rendering.validate import CHILDREN

NOT_PRINTABLE = re.compile(r'[^\x20-\x7e]|["<>&]')
RIGHT_TO_LEFT_HEAD = '<mj-attributes><mj-all direction="rtl" /><mj-text align="right" /></mj-attributes>'
STRUCTURAL = frozenset(CHILDREN) - {"mjml", "mj-head"}


def compile_mjml(masked: str, shield: Shield, *, language: str, title: str, findings: Findings) -> tuple[str, str]:
    """Return the HTML of a masked MJML source, its expressions still masked, and the CSS that is to be inlined.

    ``title`` (masked text) is used where the source has no ``mj-title`` (rule X1). Reports what MRML refuses.
    """
    rewrite = _Rewrite(shield, language=language, title=title)
    try:
        compiled = mjml.mjml2html(rewrite.run(masked), fonts={})
    except ValueError as error:
        findings.error("mjml_refused", f"This MJML cannot be compiled: {error}.")
        return "", ""
    if "<mj-" in compiled or "<mjml" in compiled:
        findings.error("mjml_left_over", "Some MJML tags were not understood and would be visible in the mail.")
    return shield.unmask_markup(compiled), "\n".join(rewrite.inline_css)


def encode_attribute(value: str) -> str:
    """Return an attribute's value in printable ASCII with every special character as a reference."""
    value = value.replace("\r", "").replace("\n", " ").replace("\t", " ")
    return NOT_PRINTABLE.sub(lambda match: f"&#{ord(match.group())};", value)


class _Rewrite:
    def __init__(self, shield: Shield, *, language: str, title: str) -> None:
        self.shield = shield
        self.language = language
        self.title = title
        self.stack: list[str] = []
        self.inline_css: list[str] = []
        self.written: list[str] = []

    def run(self, masked: str) -> str:
        tokens = list(read_markup(masked))
        names = {token.name for token in tokens if token.kind == "open"}
        extra = "" if "mj-title" in names else f"<mj-title>{self.title}</mj-title>"
        if direction_of(self.language) == "rtl":
            extra += RIGHT_TO_LEFT_HEAD
        if "mj-head" not in names:
            extra = f"<mj-head>{extra}</mj-head>"
        for token in tokens:
            self._token(token)
            if token.kind == "open" and token.name == ("mj-head" if "mj-head" in names else "mjml"):
                if token.self_closing:
                    self.written[-1] = self.written[-1].removesuffix(" />") + f">{extra}</{token.name}>"
                else:
                    self.written.append(extra)
        return "".join(self.written)

    @property
    def parent(self) -> str:
        return self.stack[-1] if self.stack else ""

    def _token(self, token: Token) -> None:
        match token.kind:
            case "open":
                self._open(token)
            case "close":
                self._close(token)
            case "text":
                self._text(token.raw)
            case "opaque":
                self._opaque(token)
            case "cdata":
                self._text(html.escape(token.raw[9:-3]))
            case "comment":  # a comment goes; a block that was hidden in one stays a block
                for match in self.shield.pattern.finditer(token.raw):
                    if self.shield.masked(match.group(1)).kind == "block":
                        self._raw(match.group())
            case "conditional":
                self._raw(self.shield.mask_markup(token.raw))

    def _open(self, token: Token) -> None:
        attributes = {attribute.name: attribute.value for attribute in token.attributes}
        if token.name.startswith("mj"):
            attributes = self._known_by_mrml(token.name, attributes)
        written = "".join(f' {name}="{encode_attribute(value)}"' for name, value in attributes.items())
        is_void = token.self_closing
        self.written.append(f"<{token.name}{written}{' />' if is_void else '>'}")
        if not is_void and token.name not in ("br", "img", "hr", "input", "wbr", "col"):
            self.stack.append(token.name)

    def _known_by_mrml(self, name: str, attributes: dict[str, str]) -> dict[str, str]:
        if name == "mjml":
            defaults = {"lang": self.language, "dir": direction_of(self.language)}
            return defaults | attributes
        if attributes.pop("data-tracking", "") == "off" and attributes.get("href"):
            attributes["href"] = UNTRACKED_MARK + attributes["href"]
        return attributes

    def _close(self, token: Token) -> None:
        self.written.append(f"</{token.name}>")
        while self.stack and self.stack.pop() != token.name:
            pass

    def _text(self, text: str) -> None:
        text = text.replace("<", "&lt;").replace(">", "&gt;")
        if self.parent in ("mj-title", "mj-preview"):
            text = text.replace('"', "&quot;")
        if self.parent in STRUCTURAL:  # only blocks can stand here; the validator has refused the rest
            for match in self.shield.pattern.finditer(text):
                self._raw(match.group())
        else:
            self.written.append(text)

    def _raw(self, mask: str) -> None:
        self.written.append(f"<mj-raw>{mask}</mj-raw>" if self.parent in STRUCTURAL else mask)

    def _opaque(self, token: Token) -> None:
        if token.name == "mj-raw":
            self.written.append(self.shield.mask_markup(token.raw))
        elif token.name == "mj-style" and 'inline="inline"' in self.written[-1]:
            self.inline_css.append(token.raw)
            self.written.pop()
            self.stack.pop()
            self.written.append("<mj-style>")
            self.stack.append("mj-style")
        else:
            self.written.append(token.raw)
