"""Verdicts settle: events become people's or machines' for good, and what follows from it is written down.

Settling looks at a message's hits together, so that a burst is found also back in time: an event that settled as a
person's a moment ago is revised when what came after it shows the scanner.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from campaigns.models.campaign import CampaignLink, CompiledTemplate
from campaigns.models.event import Event, Verdict
from campaigns.models.score_due import ask_for_scores
from campaigns.tracking.acts import HIT_SOURCE, act_of
from campaigns.tracking.mark import SettledAct, add_marks, replace_marks
from campaigns.tracking.verdicts import BURST_SECONDS, Act, Judgement, judge_message

LOCK = 7_411_002  # one settler at a time: two halves of a burst must not wait for each other
LOOK_AROUND = timedelta(seconds=2 * BURST_SECONDS)

SET_VERDICTS = text(
    """
    UPDATE event SET verdict = judged.verdict, verdict_reason = judged.why, verdict_params = judged.params,
        verdict_version = judged.version, settled_at = coalesce(event.settled_at, :now)
    FROM jsonb_to_recordset(:judged) AS judged (
        occurred_at timestamptz, source_id text, verdict text, why text, params jsonb, version smallint
    )
    WHERE event.occurred_at = judged.occurred_at AND event.source = 'hit' AND event.source_id = judged.source_id
    """
).bindparams(bindparam("judged", type_=JSONB))


@dataclass(frozen=True)
class _Change:
    """An event with its new judgement. ``is_revision``: it had settled with another verdict."""

    event: Event
    judgement: Judgement
    is_revision: bool


def settle_due(session: Session, *, now: datetime, limit: int = 1000) -> int:
    """Settle up to ``limit`` events that are due, and return how many; 0 also while somebody else settles.

    Sets verdict and ``settled_at``, the messages' first-open and first-click marks, and asks for the scores of
    whoever it concerns. Call again until it returns 0.
    """
    if not session.scalar(select(func.pg_try_advisory_xact_lock(LOCK))):
        return 0
    due = _find_due(session, now, limit)
    if not due:
        return 0
    changes = _judge(session, due)
    session.execute(SET_VERDICTS, {"judged": [_as_row(change) for change in changes], "now": now})
    _mark(session, changes)
    ask_for_scores(session, contact_ids=_concerned(changes))
    session.expire_all()
    return len(due)


def _find_due(session: Session, now: datetime, limit: int) -> Sequence[Event]:
    return session.scalars(
        select(Event)
        .where(Event.settled_at.is_(None), Event.settles_at <= now, Event.source == HIT_SOURCE)
        .order_by(Event.settles_at)
        .limit(limit)
        .with_for_update()
    ).all()


def _judge(session: Session, due: Sequence[Event]) -> list[_Change]:
    """Judge each due event among its message's hits; add the settled ones whose verdict is another now."""
    due_keys = {(event.occurred_at, event.source_id) for event in due}
    by_message: dict[tuple[int | None, int | None], list[Event]] = defaultdict(list)
    for event in [*_find_neighbours(session, due), *(event for event in due if event.seq is None)]:
        by_message[(event.campaign_id, event.seq) if event.seq is not None else (None, id(event))].append(event)
    link_counts = _count_links(session, {event.campaign_id for event in due if event.campaign_id is not None})
    changes = []
    for events in by_message.values():
        link_count = link_counts.get(events[0].campaign_id or 0, 0)
        judged = judge_message([_act(event) for event in events], link_count=link_count)
        for event in events:
            is_due = (event.occurred_at, event.source_id) in due_keys
            is_revision = event.settled_at is not None and event.verdict != judged[event.source_id].verdict
            if is_due or is_revision:
                changes.append(_Change(event, judged[event.source_id], is_revision))
    return changes


def _find_neighbours(session: Session, due: Sequence[Event]) -> Sequence[Event]:
    """Return all hits of the due events' messages around their times, the due ones among them."""
    personal = [event for event in due if event.seq is not None]
    if not personal:
        return []
    first, last = min(event.occurred_at for event in personal), max(event.occurred_at for event in personal)
    messages = {(event.campaign_id, event.seq) for event in personal}
    found = session.scalars(
        select(Event).where(
            Event.contact_id.in_(sorted({event.contact_id for event in personal if event.contact_id is not None})),
            Event.occurred_at.between(first - LOOK_AROUND, last + LOOK_AROUND),
            Event.source == HIT_SOURCE,
        )
    )
    return [event for event in found if (event.campaign_id, event.seq) in messages]


def _count_links(session: Session, campaign_ids: Iterable[int]) -> dict[int, int]:
    """Return about how many tracked links one message of each campaign holds: its links over its contents."""
    wanted = sorted(campaign_ids)
    links = select(CampaignLink.campaign_id, func.count()).where(CampaignLink.campaign_id.in_(wanted))
    contents = select(CompiledTemplate.campaign_id, func.count()).where(CompiledTemplate.campaign_id.in_(wanted))
    in_contents = dict(session.execute(contents.group_by(CompiledTemplate.campaign_id)).all())
    return {
        campaign_id: max(1, round(count / in_contents.get(campaign_id, 1)))
        for campaign_id, count in session.execute(links.group_by(CampaignLink.campaign_id))
    }


def _act(event: Event) -> Act:
    return act_of(
        key=event.source_id,
        kind=event.kind,
        occurred_at=event.occurred_at,
        link=event.link,
        features=event.features,
    )


def _mark(session: Session, changes: Sequence[_Change]) -> None:
    """Mark from what settled now; but where a verdict was turned round, from everything that is settled."""
    revised = {_message_of(change.event): change.event.contact_id for change in changes if change.is_revision}
    revised.pop(None, None)
    settled = [
        act
        for change in changes
        if _message_of(change.event) not in revised
        and (act := _settled_act(change.event, change.judgement.verdict)) is not None
    ]
    add_marks(session, acts=settled)
    if revised:
        found = session.scalars(
            select(Event)
            .where(
                Event.contact_id.in_([contact_id for contact_id in revised.values() if contact_id is not None]),
                Event.source == HIT_SOURCE,
                Event.settled_at.is_not(None),
            )
            .execution_options(populate_existing=True)
        )
        acts = [act for event in found if (act := _settled_act(event, event.verdict)) is not None]
        replace_marks(
            session,
            messages=[message for message in revised if message is not None],
            acts=[act for act in acts if (act.campaign_id, act.seq) in revised],
        )


def _settled_act(event: Event, verdict: str | None) -> SettledAct | None:
    message = _message_of(event)
    if message is None or verdict is None:
        return None
    return SettledAct(*message, event.kind, verdict, event.occurred_at)


def _as_row(change: _Change) -> dict[str, Any]:
    return {
        "occurred_at": change.event.occurred_at.isoformat(),
        "source_id": change.event.source_id,
        "verdict": change.judgement.verdict,
        "why": change.judgement.why,
        "params": dict(change.judgement.params),
        "version": change.judgement.version,
    }


def _message_of(event: Event) -> tuple[int, int] | None:
    if event.campaign_id is None or event.seq is None:
        return None
    return event.campaign_id, event.seq


def _concerned(changes: Iterable[_Change]) -> set[int]:
    """Machine events move no score, unless they were a person's before."""
    return {
        change.event.contact_id
        for change in changes
        if change.event.contact_id is not None and (change.is_revision or change.judgement.verdict is Verdict.person)
    }
