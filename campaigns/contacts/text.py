"""Text as the database can hold it, whatever a file or a browser sent."""

import re

MAX_LINE_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 10_000
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_LINE_NOISE = re.compile(r"[\s\x00-\x1f\x7f\x85\u2028\u2029]+")


def clean_text(text: str) -> str:
    """Return ``text`` without NUL (PostgreSQL keeps none) and with lone surrogates as U+FFFD, trimmed."""
    if text.isascii():
        return (text.replace("\x00", "") if "\x00" in text else text).strip()
    return _UNKEEPABLE.sub(lambda bad: "" if bad.group() == "\x00" else "\ufffd", text).strip()


def clean_line(text: str) -> str:
    """Return ``text`` as one line: line breaks and control characters become single spaces. For names.

    At most 200 characters, so that no name can break an index or a header.
    """
    if not text or (text.isascii() and text.isalpha() and len(text) <= MAX_LINE_CHARACTERS):
        return text
    return _LINE_NOISE.sub(" ", clean_text(text)).strip()[:MAX_LINE_CHARACTERS].rstrip()
