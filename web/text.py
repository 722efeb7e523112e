"""Text that requests bring: nothing that the database has no place for gets as far as a page."""

from flask import Flask, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, NotFound

LARGEST = 2**63 - 1


def register(app: Flask) -> None:
    """Refuse addresses with a NUL character, which no page of ours has."""

    @app.before_request
    def refuse_nul() -> None:
        if "\0" in request.path:
            raise NotFound
        if _has_nul(request.args):
            raise BadRequest("The address holds a NUL character.")


def _has_nul(values: MultiDict[str, str]) -> bool:
    return any("\0" in name or "\0" in value for name, value in values.items(multi=True))


def read_row_number(text: str | None, default: int = 0) -> int:
    """Return the number of a row or a version that ``text`` spells, or ``default`` where no row could have it."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > len(str(LARGEST)):
        return default
    return min(int(text), LARGEST)
