"""Rows of a file, one after the other, in flat memory. A bad row is reported and the next one is read."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.contacts.imports.sniff import FileFormat, separator_line
from campaigns.contacts.text import clean_line

BROKEN = "broken_row"
TOO_MANY_COLUMNS = "too_many_columns"
MAX_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class Row:
    """One data row. ``number`` is the one a spreadsheet shows; ``problem`` is why it can't be used, if so."""

    number: int
    cells: list[str]
    problem: str | None = None


class RowReader:
    """Iterates over the rows of one file; ``header`` is read first. Use as a context manager."""

    def __init__(self, path: Path, file_format: FileFormat) -> None:
        self._raw = path.open("rb")
        text = io.TextIOWrapper(self._raw, encoding=file_format.encoding, errors="replace", newline="")
        self._lines = _Lines(text)
        self._format = file_format
        self._number = 0
        self._width = 0
        self._skip_separator_line()
        self._records = self._make_parser()
        self.header = self._read_header()

    def __enter__(self) -> "RowReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.stream.close()

    @property
    def bytes_read(self) -> int:
        """How far into the file the reader is."""
        return self._raw.tell()

    def _make_parser(self) -> Iterator[list[str]]:
        return csv.reader(self._lines, delimiter=self._format.delimiter)

    def _skip_separator_line(self) -> None:
        first = next(self._lines, "")
        if separator_line(first) is None:
            self._lines.give_back()
        else:
            self._number = 1

    def _read_header(self) -> list[str]:
        first = next(self._read(), None)
        if first is None:
            return []
        self._width = len(first.cells)
        names = first.cells
        if not self._format.has_header:
            self._lines.give_back()
            self._records, self._number = self._make_parser(), self._number - 1
            names = [""] * self._width
        return name_columns(names)

    def __iter__(self) -> Iterator[Row]:
        return self._read()

    def _read(self) -> Iterator[Row]:
        """Yield rows. Quotes that never close would swallow the rest of the file: then only the line in which
        they open is given up, and what follows is read anew."""
        lines = self._lines
        while True:
            lines.taken.clear()
            try:
                cells = next(self._records, None)
            except csv.Error:
                cells = []
            if cells is None:
                return
            self._number += 1
            width, taken = self._width, lines.taken
            if len(cells) == width and (len(taken) == 1 or not lines.ended_inside_quotes):
                yield Row(self._number, cells)
            elif not cells and len(taken) == 1 and not taken[0].strip("\r\n"):
                continue
            elif width and (not cells or len(taken) > 1):
                line = lines.give_up_first()
                self._records = self._make_parser()
                yield Row(self._number, [line.rstrip("\r\n")], BROKEN)
            else:
                yield self._fit(cells)

    def _fit(self, cells: list[str]) -> Row:
        """Missing cells at the end are empty; cells too many are a problem unless they are empty."""
        width = self._width
        if not width:
            return Row(self._number, cells[:MAX_COLUMNS])
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            return Row(self._number, cells, TOO_MANY_COLUMNS)
        return Row(self._number, (cells + [""] * width)[:width])


class _Lines:
    """The lines of a stream, with those of the present row remembered, so that they can be given back."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self.stream = stream
        self.taken: list[str] = []
        self._again: deque[str] = deque()
        self._at_end = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.popleft()
        else:
            line = self.stream.readline()
            if not line:
                self._at_end = True
                raise StopIteration
        self.taken.append(line)
        return line

    @property
    def ended_inside_quotes(self) -> bool:
        return self._at_end and not self._again and "".join(self.taken).count('"') % 2 == 1

    def give_back(self) -> None:
        self._again.extendleft(reversed(self.taken))
        self.taken = []

    def give_up_first(self) -> str:
        """Return the first line of the present row and give back the others."""
        line = self.taken[0]
        self._again.extendleft(reversed(self.taken[1:]))
        self.taken = []
        return line


def name_columns(cells: list[str]) -> list[str]:
    """Return a different name for every column: ``Column 3`` for an empty one, ``Name (2)`` for a second one."""
    names: list[str] = []
    taken: set[str] = set()
    for number, cell in enumerate(cells, start=1):
        base = clean_line(cell.lstrip("\ufeff")) or f"Column {number}"
        name, copy = base, 2
        while name in taken:
            name, copy = f"{base} ({copy})", copy + 1
        taken.add(name)
        names.append(name)
    return names


def read_sample(path: Path, file_format: FileFormat, *, limit: int) -> tuple[list[str], list[list[str]]]:
    """Return the column names and the first rows that can be read."""
    with RowReader(path, file_format) as reader:
        rows: list[list[str]] = []
        for row in reader:
            if row.problem is None:
                rows.append(row.cells)
            if len(rows) == limit:
                break
        return reader.header, rows


def to_json_cells(cells: list[str]) -> list[Any]:
    """Return cells as the database can keep them, cut where they are endless."""
    return [cell.replace("\x00", "").encode("utf-8", "replace").decode()[:2000] for cell in cells[:MAX_COLUMNS]]
