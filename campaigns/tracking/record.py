"""Requests for a pixel or a link, turned into what is kept of them. The hot path: no database, no Redis.

A token is verified before anything is kept, so whoever forges one costs a MAC and nothing else.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

from campaigns.hits import make_id
from campaigns.signing import BadToken, KeyRing

AGENT_CHARACTERS = 500
PURPOSE_CHARACTERS = 100
PURPOSE_HEADERS = ("sec-purpose", "purpose", "x-purpose", "x-moz")
SAFE_IN_TARGET = "!#$%&'()*+,/:;=?@[]~"  # what a URL may hold as it is; anything else is percent-encoded


class Request(NamedTuple):
    """What a request tells about who sent it. ``mark`` is the local inbox's ``?i=…``."""

    method: str
    address: str | None
    user_agent: str
    purpose: str
    mark: str | None


class HitRecord(NamedTuple):
    """A hit as it stands in a segment file. ``id`` is a UUIDv7 and holds the time."""

    id: str
    kind: str
    campaign: int
    seq: int
    link: int | None
    method: str
    address: str | None
    agent: str
    purpose: str
    inbox: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the record as a segment file takes it."""
        return self._asdict()


@dataclass(frozen=True, slots=True)
class Click:
    """A verified click: what is kept of it, and where the reader goes."""

    record: HitRecord
    target: str


def record_open(key_ring: KeyRing, *, token: str, request: Request) -> HitRecord:
    """Return what is kept of a request for a pixel; raises :class:`~campaigns.signing.BadToken`."""
    message = key_ring.read_message_token(token)
    return _record("open", message.campaign_id, message.seq, None, request, key_ring, token)


def record_click(key_ring: KeyRing, *, token: str, request: Request) -> Click:
    """Return what is kept of a click, and its target as a Location header takes it.

    Raises :class:`~campaigns.signing.BadToken` when the token is forged, cut, altered or mixed, and when its target
    is no web address.
    """
    message, link = key_ring.read_click_token(token)
    target = quote(link.target, safe=SAFE_IN_TARGET)
    if not target.lower().startswith(("http://", "https://")):
        raise BadToken
    record = _record("click", message.campaign_id, message.seq, link.number, request, key_ring, token)
    return Click(record, target)


def clean(text: str, limit: int) -> str:
    """Return ``text`` as one line of at most ``limit`` characters that any database takes."""
    if text.isascii() and text.isprintable():
        return text[:limit]
    return "".join(char if char.isprintable() else " " for char in text[:limit])


def _record(
    kind: str, campaign_id: int, seq: int, link: int | None, request: Request, key_ring: KeyRing, token: str
) -> HitRecord:
    return HitRecord(
        id=str(make_id()),
        kind=kind,
        campaign=campaign_id,
        seq=seq,
        link=link,
        method=request.method,
        address=request.address,
        agent=clean(request.user_agent, AGENT_CHARACTERS),
        purpose=clean(request.purpose, PURPOSE_CHARACTERS),
        inbox=request.mark is not None and key_ring.is_inbox_mark(token, request.mark),
    )
