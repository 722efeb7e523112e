"""Saved segments: create, change, copy, archive, list, and who uses them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.errors import InvalidInput, NotFound
from campaigns.models.campaign import Campaign, CampaignSegment
from campaigns.models.mailing_list import MailingList
from campaigns.models.segment import Segment
from campaigns.segments.fields import load_attributes
from campaigns.segments.operands import InvalidRule
from campaigns.segments.rules import ActivityRule, Group, ListRule, parse_rules

MAX_NAME = 200


class NoSuchSegment(NotFound):
    """There is no segment of that number."""

    code = "no_such_segment"


class InvalidSegmentName(InvalidInput):
    """A segment needs a name of 1 to 200 characters."""

    code = "invalid_segment_name"


@dataclass(frozen=True)
class SavedSegment:
    """A segment as it is kept; ``archived_at`` None while in use."""

    id: int
    name: str
    rules: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None


@dataclass(frozen=True)
class UsingCampaign:
    """A campaign whose audience takes a segment in, or leaves it out."""

    segment_id: int
    id: int
    name: str
    state: str
    excluded: bool


def create_segment(
    session: Session, *, name: str, rules: dict[str, Any], now: datetime, created_by: int | None = None
) -> SavedSegment:
    """Return a new segment; raises :class:`InvalidSegmentName` and ``InvalidRule``, also for a list or campaign
    that does not exist."""
    check_rules(session, rules=rules)
    row = Segment(name=check_name(name), rules=rules, created_by=created_by, created_at=now, updated_at=now)
    session.add(row)
    session.flush()
    return _saved(row)


def update_segment(
    session: Session, *, segment_id: int, now: datetime, name: str | None = None, rules: dict[str, Any] | None = None
) -> SavedSegment:
    """Change name or rules, whichever is given, and return the segment; raises as :func:`create_segment`.

    Campaigns that have not started follow; an audience that is frozen stays as it is.
    """
    row = _row(session, segment_id)
    if rules is not None:
        check_rules(session, rules=rules)
        row.rules = rules
    if name is not None:
        row.name = check_name(name)
    row.updated_at = now
    session.flush()
    return _saved(row)


def duplicate_segment(
    session: Session, *, segment_id: int, name: str, now: datetime, created_by: int | None = None
) -> SavedSegment:
    """Return a new segment with the rules of another, as they are; raises :class:`NoSuchSegment`."""
    row = Segment(
        name=check_name(name),
        rules=_row(session, segment_id).rules,
        created_by=created_by,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    return _saved(row)


def archive_segment(session: Session, *, segment_id: int, now: datetime) -> SavedSegment:
    """Take a segment out of lists and choices. Campaigns that use it keep it; archiving twice changes nothing."""
    row = _row(session, segment_id)
    row.archived_at = row.archived_at or now
    session.flush()
    return _saved(row)


def restore_segment(session: Session, *, segment_id: int) -> SavedSegment:
    """Bring an archived segment back."""
    row = _row(session, segment_id)
    row.archived_at = None
    session.flush()
    return _saved(row)


def get_segment(session: Session, *, segment_id: int) -> SavedSegment:
    """Return a segment, archived or not; raises :class:`NoSuchSegment`."""
    return _saved(_row(session, segment_id))


def list_segments(
    session: Session,
    *,
    archived: bool = False,
    search: str = "",
    before_id: int | None = None,
    limit: int | None = None,
) -> list[SavedSegment]:
    """Return the segments in use, or the archived ones, the newest first; ``search`` is part of a name in any case."""
    query = select(Segment).where(Segment.archived_at.is_not(None) if archived else Segment.archived_at.is_(None))
    if search:
        query = query.where(Segment.name.icontains(search, autoescape=True))
    if before_id is not None:
        query = query.where(Segment.id < before_id)
    return [_saved(row) for row in session.scalars(query.order_by(Segment.id.desc()).limit(limit))]


def list_using_campaigns(session: Session, *, segment_ids: Iterable[int]) -> list[UsingCampaign]:
    """Return the campaigns that use any of the segments, the newest first, archived ones left out."""
    query = (
        select(CampaignSegment.segment_id, Campaign.id, Campaign.name, Campaign.state, CampaignSegment.excluded)
        .join(Campaign, Campaign.id == CampaignSegment.campaign_id)
        .where(CampaignSegment.segment_id.in_(list(segment_ids)), Campaign.archived_at.is_(None))
        .order_by(Campaign.id.desc())
    )
    return [UsingCampaign(*row) for row in session.execute(query)]


def check_rules(session: Session, *, rules: dict[str, Any]) -> Group:
    """Return the parsed rules when they can be saved: valid, and every list and campaign they name exists."""
    group = parse_rules(rules, attributes=load_attributes(session))
    _check_references(session, group, "")
    return group


def _check_references(session: Session, group: Group, path: str) -> None:
    for number, node in enumerate(group.rules):
        here = f"{path}.rules[{number}]" if path else f"rules[{number}]"
        match node:
            case Group():
                _check_references(session, node, here)
            case ListRule() if session.get(MailingList, node.list_id) is None:
                raise _gone("list", f"{here}.value")
            case ActivityRule(campaign_id=int(campaign_id)) if session.get(Campaign, campaign_id) is None:
                raise _gone("campaign", f"{here}.campaign")


def _gone(kind: str, path: str) -> InvalidRule:
    return InvalidRule(f"{path}: this {kind} does not exist; choose another.", path=path, reason=f"{kind}_gone")


def check_name(name: str) -> str:
    """Return the name on one line; raises :class:`InvalidSegmentName`."""
    tidy = " ".join(name.replace("\0", " ").split())
    if not 1 <= len(tidy) <= MAX_NAME:
        raise InvalidSegmentName(f"A segment needs a name of 1 to {MAX_NAME} characters.", field="name", limit=MAX_NAME)
    return tidy


def _row(session: Session, segment_id: int) -> Segment:
    row = session.get(Segment, segment_id) if segment_id < 2**31 else None
    if row is None:
        raise NoSuchSegment("There is no such segment; it may never have existed.")
    return row


def _saved(row: Segment) -> SavedSegment:
    return SavedSegment(row.id, row.name, row.rules, row.created_at, row.updated_at, row.archived_at)
