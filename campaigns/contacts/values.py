"""Attribute values: what people type, as the one canonical JSON value of its kind. Pure.

text: a string of at most 10,000 characters. number: an int where it is whole, else a float. date: ``YYYY-MM-DD``.
boolean: true or false. tags: a list of different strings. An empty value is None.
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from babel import Locale

from campaigns.contacts.text import MAX_TEXT_CHARACTERS, clean_line, clean_text
from campaigns.errors import InvalidInput
from campaigns.models.contact import AttributeKind

MAX_TAGS = 100
MAX_NUMBER = 1e15  # beyond it a float no longer holds every whole number

YES = {"true", "yes", "y", "1", "on", "ja", "kyllä", "kylla", "sim", "sí", "si", "oui", "evet", "是", "✓", "x"}
NO = {"false", "no", "n", "0", "off", "nein", "ei", "não", "nao", "non", "hayır", "hayir", "否"}
_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}\S*(?: ?[AaPp][Mm])?)?", re.ASCII)
_LOCAL_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[T ]\d{1,2}:\d{2}\S*(?: ?[AaPp][Mm])?)?", re.ASCII)
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_POINT_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:[, \u00a0\u202f']\d{3})+|\d+)?(?:\.\d+)?", re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:[. \u00a0\u202f']\d{3})+|\d+)?(?:,\d+)?", re.ASCII)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})((?:[-_][A-Za-z0-9]{2,8})*)", re.ASCII)

MESSAGES = {
    "bad_number": "This is not a number.",
    "bad_date": "This is not a date that exists.",
    "bad_boolean": "This is neither yes nor no.",
    "bad_language": "This is not a language code such as de or pt-BR.",
    "bad_time_zone": "This is not a time zone such as Europe/Berlin.",
    "bad_status": "This is not a status of a subscription.",
    "too_long": "This is too long.",
    "too_many_tags": "These are too many tags.",
    "bad_type": "This is not a value of the right type.",
}


class InvalidValue(InvalidInput):
    """A value that its kind does not take; ``code`` is a key of ``MESSAGES``."""

    def __init__(self, code: str, *, field: str | None = None) -> None:
        super().__init__(MESSAGES[code], field=field)
        self.code = code


@dataclass(frozen=True)
class Spelling:
    """How a file writes what is ambiguous: 03/04/2025 and 1,234."""

    day_first: bool = True
    decimal_comma: bool = False


PLAIN = Spelling()


def read_value(kind: str, value: Any, spelling: Spelling = PLAIN) -> Any:
    """Return the canonical value of ``kind``, or None for an empty one; raises :class:`InvalidValue`."""
    if value is None or value == "":
        return None
    return READERS[kind](value, spelling)


def read_text(value: Any, spelling: Spelling = PLAIN) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidValue("bad_type")
    text = clean_text(str(value))
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InvalidValue("too_long")
    return text or None


def read_number(value: Any, spelling: Spelling = PLAIN) -> int | float | None:
    """Return a number; thousands may be grouped by comma, point, space or apostrophe."""
    if isinstance(value, bool):
        raise InvalidValue("bad_number")
    if isinstance(value, str):
        return _parse_number(value.strip(), spelling.decimal_comma)
    if not isinstance(value, int | float):
        raise InvalidValue("bad_number")
    return _bounded(value)


@lru_cache(maxsize=20_000)
def _parse_number(text: str, decimal_comma: bool) -> int | float | None:
    if not text:
        return None
    if not decimal_comma and _PLAIN_NUMBER.fullmatch(text):
        return _bounded(float(text))
    pattern = _COMMA_NUMBER if decimal_comma else _POINT_NUMBER
    if not pattern.fullmatch(text) and _PLAIN_NUMBER.fullmatch(text) is None:
        raise InvalidValue("bad_number")
    grouped = re.sub(r"[ \u00a0\u202f']", "", text)
    if pattern.fullmatch(text):
        grouped = grouped.replace(".", "").replace(",", ".") if decimal_comma else grouped.replace(",", "")
    try:
        return _bounded(float(grouped))
    except ValueError:
        raise InvalidValue("bad_number") from None


def _bounded(number: float) -> int | float:
    if not math.isfinite(number) or abs(number) >= MAX_NUMBER:
        raise InvalidValue("bad_number")
    return int(number) if number == int(number) else float(number)


def read_date(value: Any, spelling: Spelling = PLAIN) -> str | None:
    """Return ``YYYY-MM-DD`` from ISO, ``31.12.2025``, ``31/12/2025`` or, with months first, ``12/31/2025``."""
    if not isinstance(value, str):
        raise InvalidValue("bad_date")
    return _parse_date(value.strip(), spelling.day_first)


@lru_cache(maxsize=20_000)
def _parse_date(text: str, day_first: bool) -> str | None:
    if not text:
        return None
    if found := _DATE.fullmatch(text):
        year, month, day = found[1], found[3], found[4]
    elif found := _LOCAL_DATE.fullmatch(text):
        first_is_day = day_first or found[2] == "."
        day, month = (found[1], found[3]) if first_is_day else (found[3], found[1])
        year = found[4]
    else:
        raise InvalidValue("bad_date")
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise InvalidValue("bad_date") from None


def read_boolean(value: Any, spelling: Spelling = PLAIN) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in YES:
        return True
    if word in NO:
        return False
    if not word:
        return None
    raise InvalidValue("bad_boolean")


def read_tags(value: Any, spelling: Spelling = PLAIN) -> list[str] | None:
    """Return different tags in the order given; a text is split at ``;`` or ``|``, or else at commas."""
    if isinstance(value, str):
        separator = ";" if ";" in value else "|" if "|" in value else ","
        parts: Iterable[Any] = value.split(separator)
    elif isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        parts = value
    else:
        raise InvalidValue("bad_type")
    tags = list(dict.fromkeys(tag for tag in map(clean_line, parts) if tag))
    if len(tags) > MAX_TAGS:
        raise InvalidValue("too_many_tags")
    return tags or None


READERS: dict[str, Callable[[Any, Spelling], Any]] = {
    AttributeKind.text: read_text,
    AttributeKind.number: read_number,
    AttributeKind.date: read_date,
    AttributeKind.boolean: read_boolean,
    AttributeKind.tags: read_tags,
}


@lru_cache(maxsize=5_000)
def read_language(text: str) -> str | None:
    """Return a BCP 47 code such as ``zh-TW`` from a code or a language's name; raises :class:`InvalidValue`."""
    text = clean_line(text)
    if not text:
        return None
    by_name = _languages_by_name().get(text.lower())
    found = _LANGUAGE.fullmatch(text)
    if found and found[1].lower() in _languages():
        rest = [_case_subtag(part) for part in re.split("[-_]", found[2])[1:]]
        return "-".join([found[1].lower(), *rest])
    if by_name is None:
        raise InvalidValue("bad_language")
    return by_name


def _case_subtag(part: str) -> str:
    """Regions are upper-case, scripts capitalised, the rest lower-case (RFC 5646 section 2.1.1)."""
    if len(part) == 2:
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part.lower()


@lru_cache(maxsize=1)
def _languages() -> frozenset[str]:
    return frozenset(str(code) for code in Locale("en").languages if "_" not in str(code))


@lru_cache(maxsize=1)
def _languages_by_name() -> dict[str, str]:
    """Language names in English and in the product's other languages."""
    names: dict[str, str] = {}
    for locale in ("zh_Hant", "tr", "pt", "fi", "de", "en"):
        for code, name in Locale.parse(locale).languages.items():
            if code.isalpha() and len(code) == 2:
                names[str(name).lower()] = code
    return names


@lru_cache(maxsize=5_000)
def read_time_zone(text: str) -> str | None:
    """Return an IANA zone name in its own letter case; raises :class:`InvalidValue`."""
    text = clean_line(text)
    if not text:
        return None
    zone = _zones().get(text.lower())
    if zone is None:
        raise InvalidValue("bad_time_zone")
    return zone


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in sorted(available_timezones()) if name not in ("localtime", "Factory")}
