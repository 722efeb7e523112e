"""What is wrong with a content, told so that a marketer can find and mend it."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from campaigns.errors import InvalidInput

MOST_FINDINGS = 100  # of one part; nobody reads more, and a hostile source could make a million


class Severity(StrEnum):
    """``error`` keeps a content from being sent; ``warning`` does not."""

    error = "error"
    warning = "warning"


@dataclass(frozen=True)
class ContentProblem:
    """One finding. ``line`` and ``column`` count from 1 in ``part`` (subject, preheader, body); 0 = all of it."""

    severity: Severity
    code: str
    message: str
    line: int = 0
    column: int = 0
    part: str = "body"


class ContentErrors(InvalidInput):
    """The content cannot be compiled; ``problems`` holds every finding, errors first."""

    code = "content_errors"

    def __init__(self, problems: Sequence[ContentProblem]) -> None:
        self.problems = tuple(sort_problems(problems))
        first = self.problems[0]
        where = f"{first.part}, line {first.line}, column {first.column}" if first.line else first.part
        more = f" ({len(self.problems) - 1} more findings)" if len(self.problems) > 1 else ""
        super().__init__(f"{first.message} ({where}){more}", field=first.part)


class Findings:
    """Collects problems while one part of a content is read; turns offsets into lines and columns."""

    def __init__(self, part: str, source: str) -> None:
        self.part = part
        self.source = source
        self.problems: list[ContentProblem] = []

    def error(self, code: str, message: str, offset: int | None = None) -> None:
        self._add(Severity.error, code, message, offset)

    def warn(self, code: str, message: str, offset: int | None = None) -> None:
        self._add(Severity.warning, code, message, offset)

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of a character, both from 1."""
        start = self.source.rfind("\n", 0, offset) + 1
        return self.source.count("\n", 0, offset) + 1, offset - start + 1

    def _add(self, severity: Severity, code: str, message: str, offset: int | None) -> None:
        if len(self.problems) >= MOST_FINDINGS:
            return
        line, column = self.place(offset) if offset is not None else (0, 0)
        problem = ContentProblem(severity, code, message, line, column, self.part)
        if problem not in self.problems:
            self.problems.append(problem)


def sort_problems(problems: Iterable[ContentProblem]) -> list[ContentProblem]:
    """Return errors before warnings, each in the order of a reader's eye."""
    order = ("subject", "preheader", "body")
    return sorted(
        problems,
        key=lambda each: (each.severity != Severity.error, order.index(each.part), each.line, each.column),
    )


def raise_errors(problems: Sequence[ContentProblem]) -> None:
    """Raise :class:`ContentErrors` when there is an error among ``problems``."""
    if any(problem.severity == Severity.error for problem in problems):
        raise ContentErrors(problems)


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean …?`` for a misspelt word, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""
