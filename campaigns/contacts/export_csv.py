"""The one CSV writer of all exports, safe to open in a spreadsheet.

A cell that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, CSV injection). Numbers that
only look like one (-5, +1.5) stay numbers.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

BYTE_ORDER_MARK = "\ufeff"  # without it a spreadsheet guesses the encoding
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?", re.ASCII)


class _Echo:
    """A file whose ``write`` returns the text."""

    def write(self, text: str) -> str:
        return text


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a CSV (RFC 4180: CRLF, quotes doubled) line by line, the byte order mark first."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield BYTE_ORDER_MARK + str(writer.writerow([make_safe(cell) for cell in header]))
    for row in rows:
        yield str(writer.writerow([make_safe(cell) for cell in row]))


def make_safe(cell: object) -> str:
    """Return a cell as text that no spreadsheet runs."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, list | tuple):
        cell = ";".join(map(str, cell))
    text = str(cell).replace("\x00", "")
    if text.lstrip(" \u00a0\ufeff").startswith(FORMULA_STARTS) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text
