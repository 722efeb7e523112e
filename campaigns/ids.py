"""Public ids: opaque strings for the API and URLs, made from the integers of the tables."""

from functools import cache

from sqids import Sqids

from campaigns.errors import NotFound

PREFIXES = {
    "contact": "con",
    "list": "lst",
    "segment": "seg",
    "campaign": "cmp",
    "import": "imp",
    "sender": "snd",
    "user": "usr",
    "token": "tok",
    "attribute": "att",
    "event": "evt",
    "work": "wrk",
}


@cache
def _sqids() -> Sqids:
    return Sqids(min_length=8)


def encode_id(kind: str, number: int) -> str:
    """Return the public id of row ``number`` of ``kind``, such as ``con_UkLWZg9D``."""
    return f"{PREFIXES[kind]}_{_sqids().encode([number])}"


def decode_id(kind: str, text: str) -> int:
    """Return the row number behind a public id; raises :class:`NotFound` for anything that is not one.

    Only the canonical spelling is taken, so that one thing never has two ids.
    """
    prefix, _, body = text.partition("_")
    numbers = _sqids().decode(body) if prefix == PREFIXES[kind] and body.isascii() else []
    if len(numbers) != 1 or numbers[0] > 2**63 - 1 or encode_id(kind, numbers[0]) != text:
        raise NotFound(f"There is no {kind} with the id {text[:60]!r}.")
    return numbers[0]
