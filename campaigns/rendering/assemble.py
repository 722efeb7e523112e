"""Masked text to parts: every expression is read, and escaped for the place where it stands."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from campaigns.rendering.expressions import BadExpression, parse_expression
from campaigns.rendering.parts import (
    Choice,
    Expression,
    Field,
    Literal,
    Loop,
    Part,
    Parts,
    Value,
    join_literals,
)
from campaigns.rendering.problems import Findings, suggest
from campaigns.rendering.shield import Masked, Shield

FOR = re.compile(r"for\s+([A-Za-z_]\w*)\s+in\s+(.+)", re.DOTALL)
KEYWORDS = ("if", "elif", "else", "endif", "for", "endfor")
TAKEN = frozenset({"contact", "list", "sender", "campaign", "links", "loop", "mail", "true", "false", "none"})
MAX_NESTING = 20
MAX_LOOPS = 2


@dataclass
class _Frame:
    """An open ``if`` or ``for`` and what was read in it so far."""

    keyword: str
    opened: Masked
    condition: Expression | None = None
    variable: str = ""
    parts: list[Part] = field(default_factory=list)
    branches: list[tuple[Expression | None, Parts]] = field(default_factory=list)
    has_else: bool = False


class Assembler:
    """Reads masked text piece by piece into parts. Every mistake goes to ``findings``; what is wrong is left out."""

    def __init__(
        self,
        shield: Shield,
        *,
        declared: Mapping[str, str],
        findings: Findings,
        variables: frozenset[str] = frozenset(),
    ) -> None:
        self.shield = shield
        self.declared = declared
        self.findings = findings
        self.outer_variables = variables
        self.parts: list[Part] = []
        self.frames: list[_Frame] = []
        self._strips_next = False

    @property
    def variables(self) -> frozenset[str]:
        return self.outer_variables | {frame.variable for frame in self.frames if frame.variable}

    @property
    def _open_parts(self) -> list[Part]:
        return self.frames[-1].parts if self.frames else self.parts

    def add_text(self, text: str, escape: str) -> None:
        """Read masked text whose values are to be escaped as ``escape``."""
        position = 0
        for match in self.shield.pattern.finditer(text):
            self.add_literal(text[position : match.start()])
            self.add_masked(self.shield.masked(match.group(1)), escape)
            position = match.end()
        self.add_literal(text[position:])

    def add_literal(self, text: str) -> None:
        if text and self._strips_next:
            text = text.lstrip()
            self._strips_next = not text
        self.add_part(Literal(text))

    def add_part(self, part: Part) -> None:
        self._open_parts.append(part)

    def add_masked(self, masked: Masked, escape: str) -> None:
        """Read one expression or block."""
        if masked.text.startswith("-"):
            self._strip_last()
        if masked.kind == "block":
            self._block(masked)
        elif (expression := self.read(masked)) is not None:
            self.add_part(Value(expression, escape))
        self._strips_next = masked.text.endswith("-")

    def read(self, masked: Masked, text: str | None = None) -> Expression | None:
        """Return the expression behind a mask (or ``text`` within it), or None once its mistake is reported."""
        text = masked.inside if text is None else text
        try:
            return parse_expression(text, declared=self.declared, variables=self.variables)
        except BadExpression as error:
            found = masked.raw.find(error.near) if error.near else -1
            self.findings.error("bad_expression", str(error), masked.offset + max(found, 0))
            return None

    def finish(self) -> Parts:
        """Return all parts; reports blocks that are still open."""
        while self.frames:
            frame = self.frames.pop()
            name = frame.keyword
            self.findings.error("unclosed_block", f"{{% {name} %}} has no {{% end{name} %}}.", frame.opened.offset)
        return join_literals(self.parts)

    def _strip_last(self) -> None:
        parts = self._open_parts
        if parts and isinstance(parts[-1], Literal):
            parts[-1] = Literal(parts[-1].text.rstrip())

    def _block(self, masked: Masked) -> None:
        words = masked.inside.split(None, 1)
        keyword, rest = (words[0] if words else ""), (words[1] if len(words) > 1 else "")
        if keyword not in KEYWORDS:
            hint = suggest(keyword, KEYWORDS)
            self.findings.error(
                "unknown_block", f"{{% {keyword} %}} is not allowed; only if and for.{hint}", masked.offset
            )
        elif keyword in ("if", "for"):
            self._open(keyword, rest, masked)
        elif keyword in ("elif", "else"):
            self._next_branch(keyword, rest, masked)
        else:
            self._close(keyword, masked)

    def _open(self, keyword: str, rest: str, masked: Masked) -> None:
        if len(self.frames) >= MAX_NESTING:
            self.findings.error("nested_too_deep", f"Blocks may be nested {MAX_NESTING} deep.", masked.offset)
            return
        frame = _Frame(keyword, masked)
        if keyword == "if":
            frame.condition = self.read(masked, rest)
        else:
            self._open_loop(frame, masked)
        self.frames.append(frame)

    def _open_loop(self, frame: _Frame, masked: Masked) -> None:
        match = FOR.fullmatch(masked.inside)
        if match is None:
            self.findings.error("bad_loop", "Write {% for item in contact.attributes.NAME %}.", masked.offset)
            return
        variable, over = match.group(1), self.read(masked, match.group(2))
        if variable in TAKEN or variable in self.variables:
            self.findings.error("bad_loop", f"{variable} already means something else here.", masked.offset)
        if sum(bool(other.variable) for other in self.frames) >= MAX_LOOPS:
            self.findings.error("nested_too_deep", f"Loops may be nested {MAX_LOOPS} deep.", masked.offset)
        if over is not None and not (isinstance(over, Field) and over.kind == "tags"):
            self.findings.error(
                "bad_loop", "A loop goes over an attribute that holds several values (tags).", masked.offset
            )
            over = None
        frame.variable, frame.condition = variable, over

    def _next_branch(self, keyword: str, rest: str, masked: Masked) -> None:
        frame = self.frames[-1] if self.frames else None
        if frame is None or frame.keyword != "if" or frame.has_else:
            self.findings.error("stray_block", f"{{% {keyword} %}} stands outside an if.", masked.offset)
            return
        frame.branches.append((frame.condition, join_literals(frame.parts)))
        frame.parts, frame.has_else = [], keyword == "else"
        frame.condition = None if frame.has_else else self.read(masked, rest)

    def _close(self, keyword: str, masked: Masked) -> None:
        frame = self.frames[-1] if self.frames else None
        if frame is None or "end" + frame.keyword != keyword:
            opened = f"; {{% {frame.keyword} %}} is open" if frame else ""
            self.findings.error("stray_block", f"{{% {keyword} %}} closes nothing{opened}.", masked.offset)
            return
        self.frames.pop()
        body = join_literals(frame.parts)
        if frame.keyword == "if":
            self.add_part(Choice((*frame.branches, (frame.condition, body))))
        elif frame.condition is not None:
            self.add_part(Loop(frame.variable, frame.condition, body))
