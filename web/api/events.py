"""Events: what contacts did, with the verdict on each."""

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from campaigns.errors import InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.event import Event
from web.api.operation import Operations
from web.api.paging import PageQuery, make_cursor, read_cursor
from web.api.shape import Answer, Instant

operations = Operations("events")


class EventQuery(PageQuery):
    """At least a contact or a campaign."""

    contact: str | None = None
    campaign: str | None = None
    kind: str | None = None
    verdict: str | None = Field(None, description="person or machine.")


class EventOut(Answer):
    kind: str
    occurred_at: Instant
    contact: str | None
    campaign: str | None
    seq: int | None
    link: int | None
    verdict: str | None
    verdict_reason: str | None
    verdict_params: dict[str, Any] | None
    settled: bool = Field(description="False while the verdict may still change.")
    source: str
    source_id: str


class EventsOut(Answer):
    items: list[EventOut]
    next_cursor: str | None


@operations.get("/events")
def list_events(session: Session, *, query: EventQuery) -> EventsOut:
    """List the events of a contact or a campaign, the latest first."""
    if query.contact is None and query.campaign is None:
        raise InvalidInput("Say whose events: give `contact`, `campaign` or both.", field="contact")
    place = tuple_(Event.occurred_at, Event.source, Event.source_id)
    rows = select(Event).order_by(Event.occurred_at.desc(), Event.source.desc(), Event.source_id.desc())
    if query.contact is not None:
        rows = rows.where(Event.contact_id == decode_id("contact", query.contact))
    if query.campaign is not None:
        rows = rows.where(Event.campaign_id == decode_id("campaign", query.campaign))
    if query.kind is not None:
        rows = rows.where(Event.kind == query.kind)
    if query.verdict is not None:
        rows = rows.where(Event.verdict == query.verdict)
    position = read_cursor(query.cursor, str, str, str)
    if position is not None:
        rows = rows.where(place < (_moment(position[0]), position[1], position[2]))
    found = list(session.scalars(rows.limit(query.limit + 1)))
    last = found[query.limit - 1] if len(found) > query.limit else None
    more = make_cursor(last.occurred_at.isoformat(), last.source, last.source_id) if last else None
    return EventsOut(items=[_show(row) for row in found[: query.limit]], next_cursor=more)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("The cursor is not one of ours.", field="cursor") from error


def _show(row: Event) -> EventOut:
    same = ("kind", "occurred_at", "seq", "link", "verdict", "verdict_reason", "verdict_params", "source", "source_id")
    return EventOut(
        **{name: getattr(row, name) for name in same},
        contact=encode_id("contact", row.contact_id) if row.contact_id else None,
        campaign=encode_id("campaign", row.campaign_id) if row.campaign_id else None,
        settled=row.settled_at is not None,
    )
