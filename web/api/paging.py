"""Cursor paging: an opaque string that says where the next page begins."""

import base64
import json
from typing import Any

from pydantic import BaseModel, Field

from campaigns.errors import InvalidInput
from web.api.reading import read_json

MAX_INTEGER = 2**63 - 1


class PageQuery(BaseModel):
    """How much, and from where."""

    limit: int = Field(50, ge=1, le=500, description="How many items at most.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")


def make_cursor(*position: Any) -> str:
    """Return an opaque cursor that holds ``position``."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).rstrip(b"=").decode("ascii")


def read_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the position inside ``cursor``, one value of each kind; None for the first page.

    Raises :class:`InvalidInput` for anything that no answer of ours contained.
    """
    if cursor is None:
        return None
    try:
        position = read_json(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (ValueError, InvalidInput) as error:
        raise InvalidInput("The cursor is not one of ours: take `next_cursor` as it came.", field="cursor") from error
    fits = isinstance(position, list) and len(position) == len(kinds)
    if not fits or not all(_is_place(value, kind) for value, kind in zip(position, kinds, strict=True)):
        raise InvalidInput("The cursor belongs to another kind of page.", field="cursor")
    return tuple(position)


def _is_place(value: Any, kind: type) -> bool:
    """Say whether a row can stand there: whole numbers are row numbers, so they fit into 64 bits."""
    if isinstance(value, int):
        return kind is int and not isinstance(value, bool) and abs(value) <= MAX_INTEGER
    return isinstance(value, kind)
