"""The people of a campaign, one by one: what became of each message, and why."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from campaigns.delivery.audience import get_campaign
from campaigns.models.campaign import CampaignState
from campaigns.models.message import Batch, BatchState, Message, MessageAttempt, MessageRetry, MessageState, Reason

IN_HAND = "in_hand"
STATES = (*(state.name for state in MessageState), IN_HAND)


@dataclass(frozen=True)
class MessageRow:
    """One message. ``state`` is the name that people see: that of a MessageState, or ``in_hand``.

    ``detail`` is the missing field or the server's own words; ``next_try_at`` is set for what will be tried again.
    """

    seq: int
    contact_id: int
    email: str
    state: str
    reason: Reason
    detail: str | None
    attempts: int
    next_try_at: datetime | None
    sent_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None


@dataclass(frozen=True)
class Answer:
    """What a server said to one attempt."""

    at: datetime
    stage: str
    code: int | None
    answer: str
    host: str


def list_messages(
    session: Session,
    *,
    campaign_id: int,
    state: str | None = None,
    reason: Reason | None = None,
    search: str | None = None,
    after_seq: int = 0,
    limit: int = 50,
) -> list[MessageRow]:
    """Return messages of a campaign in the order of their seq, from beyond ``after_seq``.

    ``state`` is one of :data:`STATES`; ``search`` finds in addresses. Raises ``NoSuchCampaign``.
    """
    is_cancelled = get_campaign(session, campaign_id=campaign_id).state == CampaignState.cancelled
    query = _select_messages(campaign_id).where(Message.seq > after_seq).order_by(Message.seq).limit(limit)
    if state is not None:
        query = query.where(_in_state(state, is_cancelled))
    if reason is not None:
        query = query.where(Message.reason == int(reason))
    if search:
        query = query.where(Message.email.contains(search.strip(), autoescape=True))
    return [
        MessageRow(
            seq=row.seq,
            contact_id=row.contact_id,
            email=row.email,
            state=_shown_state(row.state, row.in_hand, is_cancelled),
            reason=Reason(row.reason),
            detail=row.reason_detail,
            attempts=row.attempts or 0,
            next_try_at=None if is_cancelled else row.due_at,
            sent_at=row.sent_at,
            opened_at=row.opened_at,
            clicked_at=row.clicked_at,
        )
        for row in session.execute(query)
    ]


def _is_in_hand() -> ColumnElement[bool]:
    return and_(
        Message.state == MessageState.waiting,
        Batch.state == BatchState.sending,
        Message.seq > Batch.marked_seq,
        Message.seq <= Batch.handed_seq,
    )


def _select_messages(campaign_id: int) -> Select[*tuple[object, ...]]:
    in_batch = and_(
        Batch.campaign_id == Message.campaign_id,
        Message.seq.between(Batch.first_seq, Batch.last_seq),
        Batch.state == BatchState.sending,
    )
    retry = and_(MessageRetry.campaign_id == Message.campaign_id, MessageRetry.seq == Message.seq)
    return (
        select(
            Message.seq,
            Message.contact_id,
            Message.email,
            Message.state,
            Message.reason,
            Message.reason_detail,
            Message.sent_at,
            Message.opened_at,
            Message.clicked_at,
            func.coalesce(_is_in_hand(), False).label("in_hand"),
            MessageRetry.attempts,
            MessageRetry.due_at,
        )
        .outerjoin(Batch, in_batch)
        .outerjoin(MessageRetry, retry)
        .where(Message.campaign_id == campaign_id)
    )


def _in_state(state: str, is_cancelled: bool) -> ColumnElement[bool]:
    if state == IN_HAND:
        return _is_in_hand()
    stored = MessageState[state]
    unsent = and_(Message.state.in_([MessageState.waiting, MessageState.retry]), ~func.coalesce(_is_in_hand(), False))
    if is_cancelled and stored is MessageState.cancelled:
        return or_(Message.state == MessageState.cancelled, unsent)
    if is_cancelled and stored in (MessageState.waiting, MessageState.retry):
        return and_(Message.seq < 0, unsent)
    condition: ColumnElement[bool] = Message.state == stored
    return and_(condition, ~func.coalesce(_is_in_hand(), False)) if stored is MessageState.waiting else condition


def _shown_state(stored: int, in_hand: bool, is_cancelled: bool) -> str:
    if in_hand:
        return IN_HAND
    state = MessageState(stored)
    if is_cancelled and state in (MessageState.waiting, MessageState.retry):
        return MessageState.cancelled.name
    return state.name


def count_by_state_and_reason(session: Session, *, campaign_id: int) -> dict[tuple[str, Reason], int]:
    """Return how many messages of the campaign stand in each shown state, for each reason.

    Reads every message: for the messages page and exports; live progress comes from the batches.
    """
    is_cancelled = get_campaign(session, campaign_id=campaign_id).state == CampaignState.cancelled
    people = _select_messages(campaign_id).subquery()
    columns = people.c.state, people.c.reason, people.c.in_hand
    counts: dict[tuple[str, Reason], int] = {}
    for state, reason, in_hand, number in session.execute(select(*columns, func.count()).group_by(*columns)):
        key = (_shown_state(state, in_hand, is_cancelled), Reason(reason))
        counts[key] = counts.get(key, 0) + number
    return counts


def list_answers(session: Session, *, campaign_id: int, seq: int) -> list[Answer]:
    """Return what servers answered to a message's attempts, the first one first."""
    query = (
        select(MessageAttempt)
        .where(MessageAttempt.campaign_id == campaign_id, MessageAttempt.seq == seq)
        .order_by(MessageAttempt.at)
    )
    return [Answer(each.at, each.stage, each.code, each.answer, each.host) for each in session.scalars(query)]
