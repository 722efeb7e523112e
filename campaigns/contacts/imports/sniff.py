"""What a file is: its encoding, its delimiter, whether it has a header row. Guesses that a person can correct."""

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from charset_normalizer import from_bytes

from campaigns.contacts.addresses import InvalidAddress, normalise

SAMPLE_BYTES = 256 * 1024
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 200
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LETTERS = {
    "cp1252": "äöüÄÖÜßéèêëàâîïôûùçáíóúñãõåæøœÁÉÍÓÚÃÕÀÂÊÈÇÑÅÆØŒ€–—‘’“”„…«»´°§©®·",
    "cp1254": "çğıöşüÇĞİÖŞÜâîûÂÎÛ€–—‘’“”„…«»",
    "cp1250": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻáčďéěíňřšťúůýžÁČĎÉĚÍŇŘŠŤÚŮÝŽäöüőűÄÖÜŐŰßăâîşţĂÂÎŞŢđĐ€–—‘’“”„…«»",
    "cp1251": "".join(map(chr, range(0x410, 0x450))) + "ёЁіІїЇєЄґҐ€–—‘’“”„…«»№",
    "cp1253": "".join(map(chr, range(0x386, 0x3CF))) + "€–—‘’“”…«»",
}
_WIDE_RUN = re.compile(rb"[\x80-\xff]{2,}")
_BEYOND_ASCII = re.compile(rb"[^\n\r]*[\x80-\xff][^\n\r]*")
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class FileFormat:
    """How a file is to be read."""

    encoding: str
    delimiter: str
    has_header: bool = True


def sniff(sample: bytes) -> FileFormat:
    """Return the best guess for a file that begins with ``sample``."""
    encoding = guess_encoding(sample)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    delimiter = guess_delimiter(text)
    return FileFormat(encoding, delimiter, has_header=_has_header(text, delimiter))


def guess_encoding(sample: bytes) -> str:
    """Return a Python codec: by byte order mark, then UTF-8, then UTF-16 by its zeros, then by its letters."""
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding
    zeros = sample.count(0)
    if zeros > len(sample) // 4:
        return "utf-16-le" if sample[1::2].count(0) >= sample[0::2].count(0) else "utf-16-be"
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(sample)
    bad, good = text.count("\ufffd"), sum(1 for sign in text if sign > "\x7f" and sign != "\ufffd")
    if bad == 0 or good > 10 * bad:
        return "utf-8"
    return _guess_by_letters(b"\n".join(_BEYOND_ASCII.findall(sample))[:64_000])


def _guess_by_letters(lines: bytes) -> str:
    """Return the code page in which most signs beyond ASCII are letters of its languages, Western first."""
    in_runs = sum(len(run) for run in _WIDE_RUN.findall(lines))
    if in_runs > 0.8 * sum(1 for byte in lines if byte > 0x7F) and not _is_plausible_alphabet(lines):
        found = from_bytes(lines, cp_isolation=["big5", "gb18030", "cp932", "euc_kr"]).best()
        if found is not None:
            return found.encoding
    return max(_LETTERS, key=lambda page: _share_of_letters(lines, page))


def _is_plausible_alphabet(lines: bytes) -> bool:
    """Say whether this reads as words of an alphabet: nearly all letters, most of them small."""
    for page in ("cp1251", "cp1253", "cp1250"):
        letters = [sign for sign in lines.decode(page, "replace") if sign > "\x7f"]
        small = sum(1 for sign in letters if sign.islower())
        if _share_of_letters(lines, page) > 0.95 and small > 0.6 * len(letters):
            return True
    return False


def _share_of_letters(lines: bytes, page: str) -> float:
    signs = [sign for sign in lines.decode(page, "replace") if sign > "\x7f"]
    return sum(1 for sign in signs if sign in _letters(page)) / max(1, len(signs))


@lru_cache(maxsize=8)
def _letters(page: str) -> frozenset[str]:
    return frozenset(_LETTERS[page])


def separator_line(line: str) -> str | None:
    """Return the delimiter that a spreadsheet's ``sep=;`` line names, if this is one."""
    found = _SEPARATOR_LINE.fullmatch(line.lstrip("\ufeff"))
    return found[1] if found else None


def guess_delimiter(text: str) -> str:
    """Return the delimiter with which most rows have the same number of columns, more than one."""
    lines = text.splitlines(keepends=True)
    if lines and (named := separator_line(lines[0])):
        return named
    return max(DELIMITERS, key=lambda delimiter: _regularity(lines, delimiter))


def _regularity(lines: list[str], delimiter: str) -> tuple[float, int]:
    widths = Counter(len(row) for row in sample_rows(lines, delimiter))
    if not widths:
        return (0.0, 0)
    width, number = widths.most_common(1)[0]
    return (number / widths.total() if width > 1 else 0.0, width)


def sample_rows(lines: list[str], delimiter: str) -> list[list[str]]:
    """Return the first rows that are not empty; what can't be parsed ends the sample."""
    rows: list[list[str]] = []
    reader = csv.reader(iter(lines), delimiter=delimiter)
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) == SAMPLE_ROWS:
                break
    except csv.Error:
        pass
    return rows


def _has_header(text: str, delimiter: str) -> bool:
    """A first row that holds an address is no header."""
    lines = text.splitlines(keepends=True)
    if lines and separator_line(lines[0]):
        lines = lines[1:]
    rows = sample_rows(lines[:50], delimiter)
    return not (rows and any(_is_address(cell) for cell in rows[0]))


def _is_address(cell: str) -> bool:
    try:
        normalise(cell)
    except InvalidAddress:
        return False
    return True
