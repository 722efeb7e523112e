"""What came of handing messages over, and how it is written down."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.contacts.addresses import mask
from campaigns.contacts.suppress import suppress
from campaigns.delivery.transport import ConnectionLost, Refused, Result, Sent
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.event import Event, EventKind, Verdict
from campaigns.models.message import MessageAttempt, MessageState, Reason
from campaigns.models.score_due import ask_for_scores
from campaigns.models.suppression import SuppressionReason

# RFC 3463 status codes. 5.1.7 and 5.1.8 are about the sender's address, not the recipient's.
HARD_BOUNCE = re.compile(r"5\.1\.(?:0|1|2|3|4|6|9|10)\b")
SENDER_FAULT = re.compile(r"[45]\.7\.(?:2[5-9]|3[0-2]|515)\b")
SLOW_DOWN = re.compile(r"4\.7\.\d{1,3}\b")


class Blame(StrEnum):
    """Whom a refusal speaks of, beyond the one message."""

    nobody = "nobody"
    recipient = "recipient"
    sender = "sender"
    transport = "transport"


@dataclass(frozen=True)
class Person:
    """A message in hand and the contact behind it. ``attempts`` counts this try."""

    seq: int
    contact_id: int
    email: str
    address_hash: bytes
    revision: int
    attempts: int = 1
    first_at: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """The new state of one message with its reason. ``refusal`` is kept as an attempt when there is one."""

    person: Person
    state: MessageState
    reason: Reason
    detail: str | None = None
    refusal: Refused | None = None
    blame: Blame = Blame.nobody


@dataclass(frozen=True)
class Counts:
    """How many messages of a window ended in each state: what is added to the batch's counters."""

    sent: int = 0
    failed: int = 0
    deferred: int = 0
    uncertain: int = 0
    skipped: int = 0


COUNTER_OF_STATE = {
    MessageState.sent: "sent",
    MessageState.failed: "failed",
    MessageState.retry: "deferred",
    MessageState.uncertain: "uncertain",
    MessageState.skipped: "skipped",
}


def count_outcomes(outcomes: Sequence[Outcome]) -> Counts:
    """Return how many outcomes there are of each state."""
    counts = dict.fromkeys(COUNTER_OF_STATE.values(), 0)
    for outcome in outcomes:
        counts[COUNTER_OF_STATE[outcome.state]] += 1
    return Counts(**counts)


def judge(person: Person, result: Result) -> Outcome:
    """Return what a transport's result means for a message (rules S4, S6, M7)."""
    match result:
        case Sent():
            return Outcome(person, MessageState.sent, Reason.none)
        case ConnectionLost(after_data=True):
            return Outcome(person, MessageState.uncertain, Reason.connection_lost_after_data, result.answer)
        case ConnectionLost():
            return Outcome(person, MessageState.retry, Reason.connection_failed, result.answer)
        case Refused():
            return _judge_refusal(person, result)


def _judge_refusal(person: Person, refusal: Refused) -> Outcome:
    answer = f"{refusal.code} {refusal.answer}"
    if refusal.stage == "smtputf8":
        return Outcome(person, MessageState.skipped, Reason.address_needs_smtputf8, answer)
    if SENDER_FAULT.match(refusal.answer):
        # The person did nothing wrong: the message waits until the sender is put right.
        return Outcome(person, MessageState.retry, Reason.deferred, answer, refusal, Blame.sender)
    if not refusal.permanent:
        blame = Blame.transport if SLOW_DOWN.match(refusal.answer) else Blame.nobody
        return Outcome(person, MessageState.retry, Reason.deferred, answer, refusal, blame)
    if refusal.stage in ("rcpt", "address"):
        is_hard = refusal.stage == "rcpt" and HARD_BOUNCE.match(refusal.answer)
        blame = Blame.recipient if is_hard else Blame.nobody
        return Outcome(person, MessageState.failed, Reason.refused_recipient, answer, refusal, blame)
    return Outcome(person, MessageState.failed, Reason.refused_content, answer, refusal)


MARK_SENT = text(
    "UPDATE message SET state = 2, reason = 0, sent_at = :now, revision = :revision "
    "WHERE campaign_id = :campaign_id AND seq = ANY(:seqs) AND state IN (0, 1)"
)


def mark_messages(session: Session, *, campaign_id: int, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Write the outcomes into the message rows, with the servers' words and what follows from them."""
    sent: dict[int, list[int]] = {}
    others = [outcome for outcome in outcomes if outcome.state is not MessageState.sent]
    for outcome in outcomes:
        if outcome.state is MessageState.sent:
            sent.setdefault(outcome.person.revision, []).append(outcome.person.seq)
    for revision, seqs in sent.items():
        session.execute(MARK_SENT, {"campaign_id": campaign_id, "seqs": seqs, "revision": revision, "now": now})
    if others:
        _mark_others(session, campaign_id, others)
        _record_attempts(session, campaign_id, others, now)
        _follow_up(session, campaign_id, others, now)


MARK_OTHERS = text("""
UPDATE message m
SET state = r.state, reason = r.reason, reason_detail = r.detail, revision = r.revision
FROM unnest(CAST(:seqs AS integer[]), CAST(:states AS smallint[]), CAST(:reasons AS smallint[]),
    CAST(:details AS text[]), CAST(:revisions AS smallint[])) AS r (seq, state, reason, detail, revision)
WHERE m.campaign_id = :campaign_id AND m.seq = r.seq AND m.state IN (0, 1)
""")


def _mark_others(session: Session, campaign_id: int, outcomes: Sequence[Outcome]) -> None:
    values = {
        "seqs": [outcome.person.seq for outcome in outcomes],
        "states": [int(outcome.state) for outcome in outcomes],
        "reasons": [int(outcome.reason) for outcome in outcomes],
        "details": [clean(outcome.detail) for outcome in outcomes],
        "revisions": [outcome.person.revision for outcome in outcomes],
    }
    session.execute(MARK_OTHERS, {"campaign_id": campaign_id, **values})


def clean(words: str | None) -> str | None:
    """Return a server's words as the database can hold them."""
    return None if words is None else words.replace("\0", "\ufffd")[:1000]


def _record_attempts(session: Session, campaign_id: int, outcomes: Sequence[Outcome], now: datetime) -> None:
    attempts: list[dict[str, Any]] = [
        {
            "campaign_id": campaign_id,
            "seq": outcome.person.seq,
            "at": now,
            "stage": outcome.refusal.stage if outcome.refusal else "connection",
            "code": outcome.refusal.code if outcome.refusal else None,
            "answer": clean(outcome.refusal.answer if outcome.refusal else outcome.detail) or "",
            "host": outcome.refusal.host if outcome.refusal else "",
        }
        for outcome in outcomes
        if outcome.refusal or outcome.state in (MessageState.retry, MessageState.uncertain)
    ]
    if attempts:
        session.execute(insert(MessageAttempt).on_conflict_do_nothing(), attempts)


def _follow_up(session: Session, campaign_id: int, outcomes: Sequence[Outcome], now: datetime) -> None:
    for outcome in outcomes:
        if outcome.blame is Blame.recipient:
            _record_hard_bounce(session, campaign_id, outcome, now)
    faults = [outcome for outcome in outcomes if outcome.blame is Blame.sender]
    if faults:
        hold_campaign(
            session,
            campaign_id=campaign_id,
            reason="sender_misconfigured",
            params={"answer": clean(faults[0].detail)},
            now=now,
        )


def _record_hard_bounce(session: Session, campaign_id: int, outcome: Outcome, now: datetime) -> None:
    """An address that does not exist is not written to again (rule B3)."""
    person = outcome.person
    suppress(
        session,
        address_hash=person.address_hash,
        reason=SuppressionReason.hard_bounce,
        source=f"campaign {campaign_id}",
        hint=mask(person.email),
        now=now,
    )
    event = insert(Event).values(
        occurred_at=now,
        source="bounce",
        source_id=f"{campaign_id}.{person.seq}",
        kind=EventKind.bounce,
        contact_id=person.contact_id,
        campaign_id=campaign_id,
        seq=person.seq,
        verdict=Verdict.person,
        settled_at=now,
        features={},
        data={"hard": True, "answer": clean(outcome.detail)},
        created_at=now,
    )
    session.execute(event.on_conflict_do_nothing())
    ask_for_scores(session, contact_ids=[person.contact_id])


def hold_campaign(session: Session, *, campaign_id: int, reason: str, params: dict[str, Any], now: datetime) -> None:
    """Hold a campaign that is being sent, with a reason; any other stays as it is."""
    session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.state == CampaignState.sending)
        .values(state=CampaignState.held, hold_reason=reason, hold_params=params, updated_at=now)
    )
