"""The text part, made from the HTML: the same words in the same order, links as numbered notes (rules M6, X1)."""

import html
import re

from campaigns.rendering.markup import VOID, Token, read_markup
from campaigns.rendering.read_html import UNTRACKED_MARK
from campaigns.rendering.shield import Shield

SKIPPED = frozenset(["head", "style", "script", "title", "template", "svg"])
PARAGRAPHS = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "table",
        "blockquote",
        "pre",
        "hr",
        "section",
        "article",
        "header",
        "footer",
    ]
)
LINES = frozenset(["div", "li", "tr", "br", "center", "address", "dt", "dd"])
SPACE = re.compile(r"[ \t\r\n\f]+")
HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)


def write_plain_text(masked_html: str, shield: Shield) -> str:
    """Return masked text for the readers of masked HTML.

    A link inside a block is written beside its words, since a note at the end would outlive its block.
    """
    return _Writer(shield).run(masked_html)


class _Writer:
    def __init__(self, shield: Shield) -> None:
        self.shield = shield
        self.written: list[str] = []
        self.break_due = 0
        self.space_due = False
        self.skipping: list[str] = []
        self.lists: list[int | None] = []
        self.blocks = 0
        self.link: tuple[str, int] | None = None
        self.notes: dict[str, int] = {}

    def run(self, source: str) -> str:
        for token in read_markup(source):
            self._token(token)
        text = "".join(self.written).strip()
        notes = "\n".join(f"[{number}] {url}" for url, number in self.notes.items())
        return f"{text}\n\n{notes}" if notes else text

    def _token(self, token: Token) -> None:
        if self.skipping:
            self._skip(token)
        elif token.kind == "text":
            self._text(html.unescape(token.raw))
        elif token.kind == "open":
            self._open(token)
        elif token.kind == "close":
            self._close(token)
        elif token.kind == "comment" and (mask := self.shield.block_in_comment(token.raw)):
            self._masks(mask)

    def _skip(self, token: Token) -> None:
        if token.kind == "open" and not token.self_closing and token.name not in VOID:
            self.skipping.append(token.name)
        elif token.kind == "close" and token.name in self.skipping:
            while self.skipping.pop() != token.name:
                pass

    def _text(self, text: str) -> None:
        position = 0
        for match in self.shield.pattern.finditer(text):
            self._words(text[position : match.start()])
            self._masks(match.group())
            position = match.end()
        self._words(text[position:])

    def _masks(self, mask: str) -> None:
        """Write one mask. A block attaches to what is before it, so that a branch not taken leaves no empty lines."""
        match = self.shield.pattern.fullmatch(mask)
        if match is None:
            return
        masked = self.shield.masked(match.group(1))
        if masked.kind != "block":
            self._put(mask)
            return
        if masked.inside.startswith(("if", "for")):
            self.blocks += 1
        elif masked.inside.startswith("end"):
            self.blocks -= 1
        if not self.break_due:
            self._flush()
        self.written.append(mask)

    def _words(self, text: str) -> None:
        words = SPACE.sub(" ", text)
        if words.startswith(" "):
            self.space_due = True
        if words.strip(" "):
            self._put(words.strip(" "))
            self.space_due = words.endswith(" ")

    def _put(self, text: str) -> None:
        self._flush()
        self.written.append(text)

    def _flush(self) -> None:
        """Write the breaks or the space that are due before more words."""
        if self.break_due and self.written:
            self.written.append("\n" * self.break_due)
        elif self.space_due and self.written and not self.written[-1].endswith(("\n", " ")):
            self.written.append(" ")
        self.break_due, self.space_due = 0, False

    def _break(self, lines: int) -> None:
        self.break_due = max(self.break_due, lines)
        self.space_due = False

    def _open(self, token: Token) -> None:
        if token.name in SKIPPED or HIDDEN.search(token.get("style") or ""):
            if not token.self_closing and token.name not in VOID:
                self.skipping.append(token.name)
            return
        self._break_around(token.name)
        match token.name:
            case "ul" | "ol":
                self.lists.append(1 if token.name == "ol" else None)
            case "li":
                self._bullet()
            case "hr":
                self._put("----")
                self._break(2)
            case "td" | "th":
                self.space_due = True
            case "img":
                self._text(token.get("alt") or "")
            case "a":
                self._open_link(token)

    def _close(self, token: Token) -> None:
        if token.name in ("ul", "ol") and self.lists:
            self.lists.pop()
        if token.name == "a":
            self._close_link()
        self._break_around(token.name)

    def _break_around(self, name: str) -> None:
        if name in PARAGRAPHS:
            self._break(2)
        elif name in LINES:
            self._break(self.break_due + 1 if name == "br" and self.break_due < 2 else 1)

    def _bullet(self) -> None:
        number = self.lists[-1] if self.lists else None
        if number is not None:
            self.lists[-1] = number + 1
        self._put("- " if number is None else f"{number}. ")

    def _open_link(self, token: Token) -> None:
        url = (token.get("href") or "").removeprefix(UNTRACKED_MARK).strip()
        is_note = bool(url) and not url.startswith(("#", "tel:", "sms:"))
        self.link = (url.removeprefix("mailto:"), len(self.written)) if is_note else None

    def _close_link(self) -> None:
        if self.link is None:
            return
        (url, start), self.link = self.link, None
        words = "".join(self.written[start:]).strip()
        if not words or words == url:
            if not words:
                self._put(url)
            return
        if self.blocks:
            self.written.append(f" ({url})")
        elif "@" in url and "://" not in url:
            self.written.append(f" <{url}>")
        else:
            number = self.notes.setdefault(url, len(self.notes) + 1)
            self.written.append(f" [{number}]")
