"""Segments: saved rules, evaluated when used."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema
from sqlalchemy.orm import Session

from campaigns.accounts.audit import Actor
from campaigns.ids import decode_id, encode_id
from campaigns.segments import count, saved
from campaigns.segments.count import MatchingContact
from campaigns.segments.saved import SavedSegment
from web.api.operation import Operations
from web.api.paging import PageQuery, make_cursor, read_cursor
from web.api.shape import Answer, Input, Instant

operations = Operations("segments")

Rules = Annotated[dict[str, Any], WithJsonSchema({"x-schema": "SegmentGroup"})]
"""A tree of rules; the engine reads it and says what it does not understand, so the shape only describes it."""


class SegmentIn(Input):
    """A new segment."""

    name: str
    rules: Rules


class SegmentChange(Input):
    name: str | None = None
    rules: Rules | None = None


class RulesIn(Input):
    """Rules that are not saved yet."""

    rules: Rules


class SegmentOut(Answer):
    id: str
    name: str
    rules: Rules
    created_at: Instant
    updated_at: Instant


class SegmentsOut(Answer):
    items: list[SegmentOut]


class PersonOut(Answer):
    id: str
    email: str
    given_name: str
    family_name: str
    language: str | None


class CountOut(Answer):
    count: int
    sample: list[PersonOut] = Field(description="Up to five people who match.")


class PeopleOut(Answer):
    items: list[PersonOut]
    next_cursor: str | None


def show(segment: SavedSegment) -> SegmentOut:
    same = ("name", "rules", "created_at", "updated_at")
    return SegmentOut.model_validate(
        {**{name: getattr(segment, name) for name in same}, "id": encode_id("segment", segment.id)}
    )


def _person(contact: MatchingContact) -> PersonOut:
    same = ("email", "given_name", "family_name", "language")
    return PersonOut(**{name: getattr(contact, name) for name in same}, id=encode_id("contact", contact.id))


def _count(session: Session, rules: dict[str, Any], now: datetime) -> CountOut:
    total = count.count_matching(session, rules=rules, now=now)
    people = count.sample(session, rules=rules, now=now) if total else []
    return CountOut(count=total, sample=[_person(contact) for contact in people])


@operations.get("/segments")
def list_segments(session: Session) -> SegmentsOut:
    """List the segments that are not archived."""
    return SegmentsOut(items=[show(segment) for segment in saved.list_segments(session)])


@operations.get("/segments/{segment_id}")
def get_segment(session: Session, *, segment_id: str) -> SegmentOut:
    """Show one segment."""
    return show(saved.get_segment(session, segment_id=decode_id("segment", segment_id)))


@operations.post("/segments", status=201, idempotent=True)
def create_segment(session: Session, *, actor: Actor, body: SegmentIn, now: datetime) -> SegmentOut:
    """Save a segment."""
    return show(saved.create_segment(session, name=body.name, rules=body.rules, now=now, created_by=actor.user_id))


@operations.patch("/segments/{segment_id}")
def change_segment(session: Session, *, segment_id: str, body: SegmentChange, now: datetime) -> SegmentOut:
    """Change a segment's name or rules; campaigns that have not started follow."""
    number = decode_id("segment", segment_id)
    return show(saved.update_segment(session, segment_id=number, name=body.name, rules=body.rules, now=now))


@operations.delete("/segments/{segment_id}")
def archive_segment(session: Session, *, segment_id: str, now: datetime) -> None:
    """Archive a segment."""
    saved.archive_segment(session, segment_id=decode_id("segment", segment_id), now=now)


@operations.post("/segments/count", role="viewer")
def count_rules(session: Session, *, body: RulesIn, now: datetime) -> CountOut:
    """Count who matches rules that are not saved."""
    saved.check_rules(session, rules=body.rules)
    return _count(session, body.rules, now)


@operations.get("/segments/{segment_id}/count")
def count_segment(session: Session, *, segment_id: str, now: datetime) -> CountOut:
    """Count who is in a segment now."""
    segment = saved.get_segment(session, segment_id=decode_id("segment", segment_id))
    return _count(session, segment.rules, now)


@operations.get("/segments/{segment_id}/contacts")
def list_segment_contacts(session: Session, *, segment_id: str, query: PageQuery, now: datetime) -> PeopleOut:
    """List who is in a segment now, the newest contacts first."""
    segment = saved.get_segment(session, segment_id=decode_id("segment", segment_id))
    position = read_cursor(query.cursor, int)
    found = count.list_matching(
        session, rules=segment.rules, now=now, before_id=position[0] if position else None, limit=query.limit + 1
    )
    more = make_cursor(found[query.limit - 1].id) if len(found) > query.limit else None
    return PeopleOut(items=[_person(contact) for contact in found[: query.limit]], next_cursor=more)
