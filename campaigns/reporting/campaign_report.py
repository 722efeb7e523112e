"""A campaign in numbers, each counted from the rows it is about.

People are messages: one message is one person. *Handed over* means that the next mail server accepted the message;
whether it then reached the inbox nobody can know. *Opened* and *clicked* count people with at least one settled event
that was judged a person's; machines are counted apart and never among them.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, case, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from campaigns.errors import NotFound
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.event import Event, EventKind, Verdict
from campaigns.models.message import Message, MessageState, Reason

NOT_OUT_YET = (MessageState.waiting, MessageState.retry)


class NothingToReport(NotFound):
    code = "no_such_campaign"


@dataclass(frozen=True)
class ReasonCount:
    """How many messages are in a state for a reason."""

    state: MessageState
    reason: Reason
    count: int


@dataclass(frozen=True)
class Engaged:
    """``people``: with a settled human event. ``machine_only``: touched by machines alone. ``settling``: people whose
    event may still be judged a machine's and who are in neither number yet. ``total``: settled human events."""

    people: int = 0
    machine_only: int = 0
    settling: int = 0
    total: int = 0


@dataclass(frozen=True)
class CampaignReport:
    """All numbers of one campaign.

    ``candidates`` = ``skipped`` + ``handed_over`` + ``failed`` + ``uncertain`` + ``waiting`` + ``cancelled``.
    """

    campaign_id: int
    state: CampaignState
    tracking_mode: str | None
    counted_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    candidates: int = 0
    skipped: int = 0
    handed_over: int = 0
    failed: int = 0
    uncertain: int = 0
    waiting: int = 0
    cancelled: int = 0
    opened: Engaged = field(default_factory=Engaged)
    clicked: Engaged = field(default_factory=Engaged)
    unsubscribed: int = 0
    complained: int = 0
    bounced: int = 0
    replied: int = 0
    reasons: tuple[ReasonCount, ...] = ()

    def share(self, people: int) -> float | None:
        """Return ``people`` as a share (0 to 1) of those it was handed over to, or ``None`` when there are none."""
        return people / self.handed_over if self.handed_over else None

    def reasons_for(self, state: MessageState) -> tuple[ReasonCount, ...]:
        """Return the reasons of one state, the most frequent first."""
        return tuple(row for row in self.reasons if row.state == state)


@dataclass(frozen=True)
class _MessageCount:
    state: MessageState
    reason: Reason
    count: int
    opened: int
    clicked: int
    machine_opened: int
    machine_clicked: int


@dataclass(frozen=True)
class _EventCount:
    kind: str
    is_settled: bool
    verdict: str | None
    count: int
    people: int
    unmarked_people: int


def campaign_report(session: Session, *, campaign_id: int, now: datetime) -> CampaignReport:
    """Return the campaign's numbers as they stand; raises :class:`NothingToReport` when there is no such campaign."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NothingToReport("There is no such campaign; it may have been deleted.")
    messages, events = _count_messages(session, campaign_id), _count_events(session, campaign_id)
    is_cancelled = campaign.state == CampaignState.cancelled
    not_out = _sum(messages, *NOT_OUT_YET)
    return CampaignReport(
        campaign_id=campaign_id,
        state=CampaignState(campaign.state),
        tracking_mode=campaign.tracking_mode,
        counted_at=now,
        started_at=campaign.started_at,
        finished_at=campaign.finished_at,
        candidates=sum(row.count for row in messages),
        skipped=_sum(messages, MessageState.skipped),
        handed_over=_sum(messages, MessageState.sent),
        failed=_sum(messages, MessageState.failed),
        uncertain=_sum(messages, MessageState.uncertain),
        waiting=0 if is_cancelled else not_out,
        cancelled=_sum(messages, MessageState.cancelled) + (not_out if is_cancelled else 0),
        opened=_engaged(
            events, EventKind.open, sum(m.opened for m in messages), sum(m.machine_opened for m in messages)
        ),
        clicked=_engaged(
            events, EventKind.click, sum(m.clicked for m in messages), sum(m.machine_clicked for m in messages)
        ),
        unsubscribed=_count_unsubscribed(session, campaign_id),
        complained=_people(events, EventKind.complaint),
        bounced=_people(events, EventKind.bounce),
        replied=_people(events, EventKind.reply),
        reasons=tuple(ReasonCount(row.state, row.reason, row.count) for row in messages),
    )


def _count_messages(session: Session, campaign_id: int) -> list[_MessageCount]:
    """One pass over the campaign's messages, which lie together under their key."""
    is_open, is_click = Message.opened_at.is_not(None), Message.clicked_at.is_not(None)
    query = (
        select(
            Message.state,
            Message.reason,
            func.count().label("count"),
            func.count().filter(is_open),
            func.count().filter(is_click),
            func.count().filter(and_(~is_open, Message.machine_opened_at.is_not(None))),
            func.count().filter(and_(~is_click, Message.machine_clicked_at.is_not(None))),
        )
        .where(Message.campaign_id == campaign_id)
        .group_by(Message.state, Message.reason)
        .order_by(func.count().desc(), Message.reason)
    )
    return [_MessageCount(MessageState(row[0]), Reason(row[1]), *row[2:]) for row in session.execute(query)]


def _count_events(session: Session, campaign_id: int) -> list[_EventCount]:
    """``unmarked_people`` have no settled human event of that kind yet."""
    is_settled = Event.settled_at.is_not(None)
    is_marked = case(
        (Event.kind == EventKind.open, Message.opened_at.is_not(None)),
        (Event.kind == EventKind.click, Message.clicked_at.is_not(None)),
        else_=False,
    )
    query = (
        select(
            Event.kind,
            is_settled,
            Event.verdict,
            func.count(),
            func.count(Event.seq.distinct()),
            func.count(Event.seq.distinct()).filter(~is_marked),
        )
        .outerjoin(Message, and_(~is_settled, Message.campaign_id == Event.campaign_id, Message.seq == Event.seq))
        .where(Event.campaign_id == campaign_id)
        .group_by(Event.kind, is_settled, Event.verdict)
    )
    return [_EventCount(*row) for row in session.execute(query)]


def _count_unsubscribed(session: Session, campaign_id: int) -> int:
    """Who took it back (the page's Undo) has not unsubscribed."""
    last_word = (
        select(Event.kind)
        .where(Event.campaign_id == campaign_id, Event.kind.in_([EventKind.unsubscribe, EventKind.resubscribe]))
        .ext(distinct_on(Event.contact_id, Event.seq))
        .order_by(Event.contact_id, Event.seq, Event.occurred_at.desc())
        .subquery()
    )
    return session.scalar(select(func.count()).where(last_word.c.kind == EventKind.unsubscribe)) or 0


def _sum(messages: list[_MessageCount], *states: MessageState) -> int:
    return sum(row.count for row in messages if row.state in states)


def _engaged(events: list[_EventCount], kind: EventKind, people: int, machine_only: int) -> Engaged:
    of_kind = [event for event in events if event.kind == kind]
    return Engaged(
        people=people,
        machine_only=machine_only,
        settling=sum(event.unmarked_people for event in of_kind if not event.is_settled),
        total=sum(event.count for event in of_kind if event.is_settled and event.verdict == Verdict.person),
    )


def _people(events: list[_EventCount], kind: EventKind) -> int:
    return sum(event.people for event in events if event.kind == kind and event.is_settled)
