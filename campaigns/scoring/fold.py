"""Scores are folded anew from the events of whoever was touched; nothing is ever added to or taken from a score."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.models.contact import Contact
from campaigns.models.engagement import Engagement, EngagementEntry, ScoreDue
from campaigns.models.event import Event, EventKind, Verdict
from campaigns.models.message import Message
from campaigns.scoring.entries import Entry, ScoredEvent, fold_events, last_act, sum_mass
from campaigns.scoring.weights import read_scale

ENTRIES, SCORES = cast(Table, EngagementEntry.__table__), cast(Table, Engagement.__table__)
FROM_EVENTS = tuple(kind.value for kind in EventKind)  # entries of other kinds are made by the clock, and stay


def fold_due(session: Session, *, now: datetime, limit: int = 500) -> int:
    """Fold the scores of up to ``limit`` contacts that wait for it, and return how many they were.

    Several may work at a time. Who asks again meanwhile is folded again (see :mod:`campaigns.models.score_due`).
    """
    waiting = select(ScoreDue.contact_id).order_by(ScoreDue.contact_id).limit(limit).with_for_update(skip_locked=True)
    contact_ids = list(session.scalars(waiting))
    session.execute(delete(ScoreDue).where(ScoreDue.contact_id.in_(contact_ids)))
    fold_contacts(session, contact_ids=contact_ids, now=now)
    return len(contact_ids)


def fold_contacts(session: Session, *, contact_ids: Collection[int], now: datetime) -> None:
    """Make these contacts' entries and scores anew from their settled human events."""
    known = sorted(session.scalars(select(Contact.id).where(Contact.id.in_(list(contact_ids)))))
    if not known:
        return
    scale = read_scale(session)
    events = _read_events(session, known)
    _replace_entries(session, {contact_id: fold_events(events[contact_id], scale=scale) for contact_id in known})
    masses = _sum_entries(session, known)
    first_sent = _first_sent(session, known)
    rows = [
        {
            "contact_id": contact_id,
            "mass": masses.get(contact_id, 0.0),
            "last_human_at": (last := last_act(events[contact_id])),
            "first_sent_at": first_sent.get(contact_id),
            "measured": last is not None,
            "updated_at": now,
        }
        for contact_id in known
    ]
    _write_scores(session, rows)


def _read_events(session: Session, contact_ids: Sequence[int]) -> Mapping[int, list[ScoredEvent]]:
    found: dict[int, list[ScoredEvent]] = defaultdict(list)
    query = select(
        Event.contact_id,
        Event.kind,
        Event.occurred_at,
        Event.settled_at,
        Event.source,
        Event.source_id,
        Event.campaign_id,
        Event.data["list_id"].as_integer().label("list_id"),
    ).where(Event.contact_id.in_(contact_ids), Event.verdict == Verdict.person, Event.settled_at.is_not(None))
    for row in session.execute(query):
        found[row.contact_id].append(
            ScoredEvent(
                kind=row.kind,
                occurred_at=row.occurred_at,
                settled_at=row.settled_at,
                identity=(row.source, row.source_id),
                campaign_id=row.campaign_id,
                list_id=row.list_id,
            )
        )
    return found


def _replace_entries(session: Session, entries: Mapping[int, Sequence[Entry]]) -> None:
    session.execute(
        delete(EngagementEntry)
        .where(EngagementEntry.contact_id.in_(list(entries)), EngagementEntry.kind.in_(FROM_EVENTS))
        .execution_options(synchronize_session=False)
    )
    rows: list[dict[str, Any]] = [
        {"contact_id": contact_id, **vars(entry)} for contact_id, theirs in entries.items() for entry in theirs
    ]
    if rows:
        session.execute(insert(ENTRIES), rows)


def _sum_entries(session: Session, contact_ids: Sequence[int]) -> dict[int, float]:
    """Sum what stands in the table, in key order, those entries included that the clock made."""
    query = (
        select(EngagementEntry.contact_id, EngagementEntry.contribution)
        .where(EngagementEntry.contact_id.in_(contact_ids))
        .order_by(EngagementEntry.contact_id, EngagementEntry.kind.collate("C"), EngagementEntry.source.collate("C"))
    )
    contributions: dict[int, list[float]] = defaultdict(list)
    for contact_id, contribution in session.execute(query):
        contributions[contact_id].append(contribution)
    return {contact_id: sum_mass(theirs) for contact_id, theirs in contributions.items()}


def _first_sent(session: Session, contact_ids: Sequence[int]) -> dict[int, datetime | None]:
    query = (
        select(Message.contact_id, func.min(Message.sent_at))
        .where(Message.contact_id.in_(contact_ids))
        .group_by(Message.contact_id)
    )
    return dict(session.execute(query).all())


def _write_scores(session: Session, rows: list[dict[str, Any]]) -> None:
    made = insert(SCORES)
    new = {name: made.excluded[name] for name in rows[0] if name != "contact_id"}
    session.execute(made.on_conflict_do_update(index_elements=["contact_id"], set_=new), rows)
