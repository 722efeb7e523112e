"""Masking: what the MJML and CSS engines must not see becomes letters, and comes back afterwards.

Expressions, mj-raw bodies and conditional comments would be broken, percent-encoded or swallowed by MRML and
premailer. A mask is a fixed number of lower-case letters, so it survives as text, attribute, URL and CSS value.
"""

import re
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

from campaigns.rendering.problems import Findings

DIGITS = "bcdfghjklmnprstv"  # sixteen consonants: no word, no colour name, nothing CSS knows
MASK_LENGTH = 6
STRING = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
EXPRESSION = re.compile(
    rf"\{{\{{(?P<value>(?:{STRING}|(?!\}}\}}).)*?)\}}\}}"
    rf"|\{{%(?P<block>(?:{STRING}|(?!%\}}).)*?)%\}}"
    r"|\{#(?P<comment>.*?)#\}",
    re.DOTALL,
)
OPENING = re.compile(r"\{\{|\{%|\{#")
STYLE = re.compile(r"<(style|mj-style)\b[^>]*>", re.IGNORECASE)
FIELD_IN_STYLE = re.compile(r"\{\{-?\s*(contact|list|sender|campaign|links)\.")

Kind: TypeAlias = OneOf["value", "block", "comment", "markup"]


@dataclass(frozen=True)
class Masked:
    """What stands behind one mask: an expression's inside and its offset in the source, or a piece of markup."""

    kind: Kind
    text: str
    offset: int
    raw: str

    @property
    def inside(self) -> str:
        """The expression without its whitespace marks."""
        return self.text.removeprefix("-").removesuffix("-").strip()


class Shield:
    """The masks of one template."""

    def __init__(self, source: str) -> None:
        self.prefix = "qzx"
        while self.prefix in source.lower():
            self.prefix += "w"
        self.pattern = re.compile(self.prefix + f"([{DIGITS}]{{{MASK_LENGTH}}})")
        self.masks: list[Masked] = []

    def mask(self, masked: Masked) -> str:
        """Return the letters that stand for ``masked`` from now on."""
        number, letters = len(self.masks), ""
        self.masks.append(masked)
        for _ in range(MASK_LENGTH):
            number, digit = divmod(number, len(DIGITS))
            letters = DIGITS[digit] + letters
        return self.prefix + letters

    def masked(self, letters: str) -> Masked:
        """Return what the letters after the prefix stand for."""
        number = 0
        for letter in letters:
            number = number * len(DIGITS) + DIGITS.index(letter)
        return self.masks[number]

    def mask_expressions(self, source: str, findings: Findings) -> str:
        """Return ``source`` with ``{{ }}`` and ``{% %}`` masked and ``{# #}`` dropped; style sheets stay as they are.

        Reports an expression that is not closed.
        """
        pieces, position = [], 0
        for opening, start, end in expressions(source, findings):
            pieces.append(source[position:start])
            position = end
            if opening is None:
                pieces.append(source[start:end])
            elif (kind := str(opening.lastgroup)) != "comment":
                inside = opening.group(kind)
                pieces.append(self.mask(Masked(kind, inside, start, opening.group())))  # type: ignore[arg-type]
        return "".join(pieces) + source[position:]

    def mask_markup(self, raw: str) -> str:
        return self.mask(Masked("markup", raw, 0, raw))

    def block_in_comment(self, comment: str) -> str | None:
        """Return the mask of the one block that a comment consists of, or None."""
        mask = self.pattern.fullmatch(comment.removeprefix("<!--").removesuffix("-->").strip())
        return mask.group() if mask and self.masked(mask.group(1)).kind == "block" else None

    def unmask_markup(self, text: str) -> str:
        """Put back masked markup, also where it was masked twice; expressions stay masked."""
        while (back := self.pattern.sub(self._markup_or_mask, text)) != text:
            text = back
        return text

    def _markup_or_mask(self, match: re.Match[str]) -> str:
        masked = self.masked(match.group(1))
        return masked.raw if masked.kind == "markup" else match.group()

    def unmask(self, text: str) -> str:
        """Put back everything, expressions included, as the author wrote it."""
        return self.pattern.sub(lambda match: self.masked(match.group(1)).raw, self.unmask_markup(text))


def expressions(source: str, findings: Findings | None = None) -> list[tuple[re.Match[str] | None, int, int]]:
    """Return the expressions in ``source`` with their bounds; a style sheet, where ``{#`` is CSS, has None."""
    found: list[tuple[re.Match[str] | None, int, int]] = []
    styles = _style_sheets(source)
    position = 0
    while opening := OPENING.search(source, position):
        start = opening.start()
        style = next((span for span in styles if span[0] <= start < span[1]), None)
        if style:
            if findings and FIELD_IN_STYLE.search(source, *style):
                findings.warn("expression_in_style", "Merge tags are not filled inside a style sheet.", style[0])
            position = style[1]
            found.append((None, start, position))
            continue
        match = EXPRESSION.match(source, start)
        if match:
            found.append((match, start, match.end()))
        elif findings:
            closing = {"{{": "}}", "{%": "%}", "{#": "#}"}[opening.group()]
            findings.error("unclosed_expression", f"{opening.group()} is not closed: add {closing}.", start)
        if match is None:
            break  # nothing behind it can be told apart, and looking on would cost the square of the length
        position = match.end()
    return found


def _style_sheets(source: str) -> list[tuple[int, int]]:
    """Return the bounds of all style sheets; one that is not closed is none."""
    found: list[tuple[int, int]] = []
    position = 0
    unclosed: set[str] = set()
    for match in STYLE.finditer(source):
        name = match.group(1).lower()
        if match.start() < position or name in unclosed:
            continue
        if close := re.compile(f"</{name}", re.IGNORECASE).search(source, match.end()):
            position = close.start()
            found.append((match.start(), position))
        else:
            unclosed.add(name)
    return found


def blank_expressions(source: str) -> str:
    """Return ``source`` with values overwritten by letters and blocks by spaces: same length, same lines."""
    pieces, position = [], 0
    for opening, start, end in expressions(source):
        if opening is not None:
            filler = "x" if opening.lastgroup == "value" else " "
            pieces += [source[position:start], re.sub(r"[^\n]", filler, source[start:end])]
            position = end
    return "".join(pieces) + source[position:]
