"""Which language a public page speaks: the message's, then ``?lang``, then the browser's, then the sender's."""

from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, request
from flask_babel import Babel, Domain, get_locale

TRANSLATIONS = Path(__file__).parent.parent / "translations"
LANGUAGES = ("en", "de", "fi", "pt", "tr", "zh_Hant")
CHINESE_TRADITIONAL = ("TW", "HK", "MO")


class SubscriberPages(Domain):  # type: ignore[misc]
    """The catalogues of the public pages, read from their sources: a handful of sentences needs no build step."""

    def get_translations(self) -> NullTranslations:
        """Return the sentences in this request's language."""
        return load_sentences(str(get_locale() or LANGUAGES[0]))


@cache
def load_sentences(language: str) -> NullTranslations:
    """Return the sentences of one of :data:`LANGUAGES`; English where there is no catalogue."""
    path = TRANSLATIONS / language / "LC_MESSAGES" / "public.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled)


def register(app: Flask) -> None:
    """Let every page of ``app`` speak its reader's language."""
    Babel(app, locale_selector=choose_language)
    app.before_request(SubscriberPages().as_default)


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
