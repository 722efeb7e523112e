"""What callers send, as values that the database can hold: refused at the door, with the field that is at fault."""

import json
import re
from typing import Any, NoReturn

from campaigns.errors import InvalidInput

MAX_DEPTH = 100
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Unstorable(InvalidInput):
    """A text holds NUL or half of a surrogate pair, which PostgreSQL and UTF-8 have no place for."""

    code = "unstorable_text"


class NotJson(InvalidInput):
    """The text is not JSON (RFC 8259), or is nested too deep."""

    code = "not_json"


def read_json(data: bytes | str, *, field: str | None = None) -> Any:
    """Return the value that ``data`` spells, every text of it storable; raises :class:`NotJson`, :class:`Unstorable`.

    ``NaN`` and ``Infinity``, which Python would take, are no JSON.
    """
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise NotJson(f"The JSON is nested deeper than {MAX_DEPTH} levels.", field=field) from error
    except ValueError as error:
        raise NotJson(f"This is not valid JSON: {error}.", field=field) from error
    refuse_unstorable(value)
    return value


def refuse_unstorable(value: Any) -> None:
    """Look at every text inside ``value``; raises :class:`Unstorable` and, beyond ``MAX_DEPTH``, :class:`NotJson`."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [(value, ())]
    while waiting:
        found, where = waiting.pop()
        if len(where) > MAX_DEPTH:
            raise NotJson(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(found, str) and UNSTORABLE.search(found):
            raise Unstorable(
                "The text holds a NUL character or half of a surrogate pair, which cannot be kept: leave it out.",
                field=".".join(where) or None,
            )
        if isinstance(found, dict):
            waiting += [(name, where) for name in found]
            waiting += [(inner, (*where, name)) for name, inner in found.items()]
        elif isinstance(found, list):
            waiting += [(inner, (*where, str(number))) for number, inner in enumerate(found)]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
