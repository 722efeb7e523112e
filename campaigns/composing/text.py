"""Text as people paste it, made fit to be kept."""

import re

from campaigns.errors import InvalidInput

MAX_NAME_CHARACTERS = 200
MAX_LINE_CHARACTERS = 1000
MAX_BODY_BYTES = 512 * 1024

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class MissingText(InvalidInput):
    code = "missing_text"


class TextTooLong(InvalidInput):
    code = "text_too_long"


class UnknownLanguage(InvalidInput):
    code = "unknown_language"


def clean_line(text: str, *, field: str, limit: int = MAX_LINE_CHARACTERS) -> str:
    """Return one line of text without control characters: a subject can never begin another header.

    Raises :class:`TextTooLong` beyond ``limit`` characters.
    """
    line = _CONTROLS.sub(" ", _UNSTORABLE.sub("", text)).strip()
    if len(line) > limit:
        raise TextTooLong(f"The {field} has {len(line)} characters; use at most {limit}.", field=field)
    return line


def clean_name(text: str) -> str:
    """Return a campaign's name; raises :class:`MissingText` or :class:`TextTooLong`."""
    name = clean_line(text, field="name", limit=MAX_NAME_CHARACTERS)
    if not name:
        raise MissingText("Give the campaign a name; only your colleagues see it.", field="name")
    return name


def clean_body(text: str) -> str:
    """Return a body with plain line ends and nothing that PostgreSQL cannot keep; raises :class:`TextTooLong`."""
    body = _UNSTORABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    size = len(body.encode())
    if size > MAX_BODY_BYTES:
        raise TextTooLong(
            f"The content has {size // 1024} KB; use at most {MAX_BODY_BYTES // 1024} KB. Images belong in links.",
            field="body",
        )
    return body


def clean_language(text: str) -> str:
    """Return a language tag (BCP 47) such as ``de`` or ``zh-TW``; raises :class:`UnknownLanguage`."""
    tag = text.strip().replace("_", "-")
    if not _LANGUAGE.fullmatch(tag):
        raise UnknownLanguage(f"{text[:40]!r} is no language tag; write it like en or zh-TW.", field="language")
    return tag
