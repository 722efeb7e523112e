"""Values written the way the content's language writes them (Unicode CLDR, through Babel)."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date as babel_date
from babel.numbers import format_currency, format_decimal

WIDTHS = ("short", "medium", "long", "full")


@lru_cache(maxsize=64)
def locale_of(language: str) -> Locale:
    """Return the locale of a language tag; English where it is unknown."""
    for tag in (language, language.replace("_", "-").split("-")[0]):
        try:
            return Locale.parse(tag.replace("-", "_"))
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse("en")


def as_date(value: Any) -> date | None:
    """Return a date from a date, an instant or ISO text (RFC 3339), or None."""
    if isinstance(value, date):  # a datetime is one too
        return value
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def as_number(value: Any) -> Decimal | None:
    """Return a number from a number or its text, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 40 else None


def write_date(value: date, language: str, how: str = "long") -> str:
    """Return a date in ``short``, ``medium``, ``long`` or ``full`` width, or by a CLDR pattern such as ``d MMMM``."""
    return _write_date(value, language, how)


@lru_cache(maxsize=4096)
def _write_date(value: date, language: str, how: str) -> str:
    try:
        return str(babel_date(value, format=how, locale=locale_of(language)))
    except (KeyError, ValueError, AttributeError):  # a pattern that CLDR does not know
        return str(babel_date(value, format="long", locale=locale_of(language)))


def write_number(value: Decimal, language: str, decimals: int | None = None) -> str:
    """Return a number with the language's separators; ``decimals`` fixes how many stand after the point."""
    pattern = None if decimals is None else "#,##0" + ("." + "0" * decimals if decimals else "")
    return str(format_decimal(value, format=pattern, locale=locale_of(language)))


def write_money(value: Decimal, language: str, currency: str) -> str:
    """Return an amount in whole units of ``currency`` (ISO 4217)."""
    return str(format_currency(value, currency, locale=locale_of(language)))
