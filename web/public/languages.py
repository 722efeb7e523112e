"""Which language a public page speaks: the message's, then ``?lang``, then the browser's, then the sender's."""

from pathlib import Path

from babel import Locale, UnknownLocaleError
from flask import g, request

TRANSLATIONS = Path(__file__).parent.parent / "translations"
LANGUAGES = ("en", "de", "fi", "pt", "tr", "zh_Hant")
CHINESE_TRADITIONAL = ("TW", "HK", "MO")


def choose_language() -> str:
    """Return the language of this request, one of :data:`LANGUAGES`."""
    wanted = [g.get("message_language"), request.args.get("lang"), *_browser_languages(), g.get("sender_language")]
    return next((found for tag in wanted if tag and (found := match_language(tag))), LANGUAGES[0])


def match_language(tag: str) -> str | None:
    """Return which of :data:`LANGUAGES` serves a reader of ``tag`` (BCP 47), or None."""
    try:
        locale = Locale.parse(tag.strip(), sep="_" if "_" in tag else "-")
    except (ValueError, UnknownLocaleError, TypeError):
        return None
    if locale.language == "zh":
        is_traditional = locale.script == "Hant" or locale.territory in CHINESE_TRADITIONAL
        return "zh_Hant" if is_traditional else None
    return locale.language if locale.language in LANGUAGES else None


def _browser_languages() -> list[str]:
    return [tag for tag, _ in request.accept_languages]
