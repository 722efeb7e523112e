"""In which language and time zone a page is written, and how it writes dates and numbers."""

from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import format_timedelta, get_timezone
from flask import Flask, request
from flask_babel import (
    Babel,
    format_date,
    format_decimal,
    format_percent,
    format_time,
    get_locale,
)
from flask_babel import (
    get_timezone as reader_zone,
)
from flask_babel import gettext as _
from markupsafe import Markup

from campaigns import clock
from web.visitor import current_house, current_visitor

TRANSLATIONS = Path(__file__).parent / "translations"
SHARE = "#,##0.0 %"
SMALLEST_SHARE = 0.001


@cache
def offered_languages() -> tuple[str, ...]:
    """Return the languages that pages can be written in: English, and each compiled catalogue."""
    compiled = {path.parent.parent.name for path in TRANSLATIONS.glob("*/LC_MESSAGES/messages.mo")}
    return ("en", *sorted(compiled - {"en"}))


def language_names() -> list[tuple[str, str]]:
    """Return tag and own name of each language, for choosing one."""
    return [(tag, (Locale.parse(tag).display_name or tag).capitalize()) for tag in offered_languages()]


def write_language(tag: str | None) -> str:
    """Return a language's name in the reader's language, such as ``Chinese (Taiwan)``; an unknown tag as it is."""
    locale = _read_locale(tag)
    return (locale.get_display_name(get_locale() or "en") if locale else None) or tag or ""


@cache
def zone_names() -> tuple[str, ...]:
    """Return the names of all time zones that a person may choose, UTC first."""
    named = {
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix/"))
    }
    return ("UTC", *sorted(named))


def is_zone(name: str) -> bool:
    return name in zone_names()


def choose_locale() -> Locale:
    """Return the reader's choice, else what the browser asks for, else the organisation's language.

    A region keeps its dates and numbers (en-GB) where only the language has words (en).
    """
    visitor = current_visitor()
    wanted = [visitor.language] if visitor and visitor.language else []
    for tag in [*wanted, *request.accept_languages.values(), current_house().language, "en"]:
        locale = _read_locale(tag)
        if locale is not None and _has_words(locale):
            return locale
    return Locale("en")


def choose_zone() -> tzinfo:
    visitor = current_visitor()
    for name in (visitor.time_zone if visitor else None, current_house().time_zone):
        if name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError):
                continue
    return ZoneInfo("UTC")


def guess_zone(locale: Locale) -> str:
    """Return the time zone of a locale's country where it has but one, else UTC; scripts may know better."""
    from babel.core import get_global

    zones = get_global("territory_zones").get(locale.territory or "", [])
    return zones[0] if len(zones) == 1 and is_zone(zones[0]) else "UTC"


def _read_locale(tag: str | None) -> Locale | None:
    try:
        return Locale.parse(tag.replace("-", "_")) if tag else None
    except (ValueError, UnknownLocaleError):
        return None


def _has_words(locale: Locale) -> bool:
    return any(Locale.parse(tag).language == locale.language for tag in offered_languages())


def write_instant(moment: datetime | None) -> Markup:
    """Return an instant in the reader's zone, with the zone named; a dash for ``None``."""
    if moment is None:
        return Markup("<span class='soft'>–</span>")
    text = write_plain_instant(moment)
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), text)


def write_plain_instant(moment: datetime) -> str:
    """Return an instant to the minute in the reader's zone, such as ``22 Nov 2026, 09:00 GMT``."""
    zone = moment.astimezone(reader_zone()).strftime("%Z")
    return _("%(day)s, %(time)s %(zone)s", day=format_date(moment), time=format_time(moment, "short"), zone=zone)


def write_day(moment: datetime | None) -> Markup:
    """Return the date of an instant in the reader's zone."""
    if moment is None:
        return Markup("<span class='soft'>–</span>")
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), format_date(moment, "medium"))


def write_ago(moment: datetime | None) -> Markup:
    """Return how long ago an instant was, with the instant itself as its title."""
    if moment is None:
        return Markup("<span class='soft'>–</span>")
    text = format_timedelta(moment - clock.now(), add_direction=True, locale=get_locale() or "en")
    title = write_plain_instant(moment)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(), title, text)


def write_number(value: float, about: bool = False) -> str:
    """Return a number with the reader's separators; ``about`` says that it is an estimate."""
    text = format_decimal(value)
    return _("about %(number)s", number=text) if about else text


def write_share(part: float, whole: float) -> str:
    """Return part of whole as a percentage, or a dash where there is no whole; few are never shown as none."""
    if not whole:
        return "–"
    if 0 < part / whole < SMALLEST_SHARE:
        return _("<%(share)s", share=format_percent(SMALLEST_SHARE, SHARE))
    return format_percent(part / whole, SHARE)


def register(app: Flask) -> None:
    """Write this application's pages in the reader's language and zone."""
    Babel(
        app,
        default_translation_directories=str(TRANSLATIONS),
        locale_selector=choose_locale,
        timezone_selector=lambda: str(choose_zone()),  # Flask-Babel wants a name: it calls what only pytz zones have
    )
    filters = {"instant": write_instant, "day": write_day, "ago": write_ago, "number": write_number}
    app.jinja_env.filters.update(filters)
    app.jinja_env.globals.update(
        share_of=write_share,
        language_name=write_language,
        reader_zone=lambda: str(reader_zone() or get_timezone("UTC")),
    )
