"""A window of retries: claimed with a second look at each person, and settled on message, retry and batch."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns.delivery.handover import Handover
from campaigns.delivery.outcome import COUNTER_OF_STATE, Outcome, clean, mark_messages
from campaigns.delivery.retry import next_try
from campaigns.delivery.retry_queue import (
    RetryClaim,
    claim_retries,
    give_back,
    remove_retries,
    still_ours,
    try_again,
)
from campaigns.delivery.window import (
    Addressee,
    LeaseLost,
    make_addressee,
    make_person,
    note_new_addresses,
    reason_to_skip,
)
from campaigns.models.message import MessageState, Reason


@dataclass(frozen=True)
class RetryWindow:
    """Deferred messages in our hands, and the people who may still have them."""

    claim: RetryClaim
    addressees: tuple[Addressee, ...]


LOOK = text("""
SELECT m.seq, m.contact_id, m.language, m.revision, m.email AS frozen_email, c.email, c.address_hash, c.given_name,
    c.family_name, c.greeting, c.time_zone, c.attributes, ms.state AS membership, ms.tracking_consent,
    s.reason AS suppressed, r.attempts, r.first_at
FROM message_retry r
JOIN message m ON m.campaign_id = r.campaign_id AND m.seq = r.seq
JOIN campaign ON campaign.id = m.campaign_id
LEFT JOIN contact c ON c.id = m.contact_id
LEFT JOIN membership ms ON ms.list_id = campaign.list_id AND ms.contact_id = m.contact_id
LEFT JOIN suppression s ON s.address_hash = c.address_hash
WHERE r.campaign_id = :campaign_id AND r.token = :token
ORDER BY m.seq
""")


def claim_retry_window(session: Session, *, limit: int, lease_seconds: float, now: datetime) -> RetryWindow | None:
    """Return deferred messages to be tried now, or None when none is due. Who said no since is skipped at once."""
    claim = claim_retries(session, limit=limit, lease_seconds=lease_seconds)
    if claim is None:
        return None
    addressees, skipped = [], []
    rows = session.execute(LOOK, {"campaign_id": claim.campaign_id, "token": claim.token}).all()
    for row in rows:
        tried = {"attempts": row.attempts + 1, "first_at": row.first_at}
        person = replace(make_person(row, row.revision), **tried)
        reason = reason_to_skip(row)
        if reason is None:
            addressees.append(make_addressee(row, person))
        else:
            skipped.append(Outcome(person, MessageState.skipped, reason))
    note_new_addresses(session, claim.campaign_id, [row for row in rows if reason_to_skip(row) is None])
    _end(session, claim, skipped, now)
    return RetryWindow(claim, tuple(addressees))


def settle_retries(
    session: Session,
    *,
    claim: RetryClaim,
    handover: Handover,
    retry_seconds: float,
    wait_seconds: float,
    now: datetime,
) -> int:
    """Write down what came of a window of retries and return how many messages it settled.

    Raises :class:`campaigns.delivery.window.LeaseLost`, with nothing written.
    """
    expected = {outcome.person.seq for outcome in handover.outcomes}
    expected |= {addressee.person.seq for addressee in handover.unsent}
    if expected - still_ours(session, claim=claim):
        raise LeaseLost(f"Retries of campaign {claim.campaign_id} were taken over by another worker.")
    unsent = [addressee.person.seq for addressee in handover.unsent]
    give_back(session, claim=claim, seqs=unsent, wait_seconds=wait_seconds)
    ended = []
    for outcome in handover.outcomes:
        if outcome.state is not MessageState.retry or not _put_off(session, claim, outcome, retry_seconds, now):
            ended.append(_given_up(outcome))
    again = [outcome for outcome in handover.outcomes if outcome.person.seq not in {e.person.seq for e in ended}]
    mark_messages(session, campaign_id=claim.campaign_id, outcomes=again, now=now)
    _end(session, claim, ended, now)
    return len(handover.outcomes)


def _put_off(session: Session, claim: RetryClaim, outcome: Outcome, retry_seconds: float, now: datetime) -> bool:
    person = outcome.person
    due_at = next_try(
        attempts=person.attempts, first_at=person.first_at or now, now=now, first_wait_seconds=retry_seconds
    )
    if due_at is None:
        return False
    answer = clean(outcome.detail) or ""
    try_again(session, claim=claim, seq=person.seq, due_at=due_at, attempts=person.attempts, answer=answer)
    return True


def _given_up(outcome: Outcome) -> Outcome:
    if outcome.state is not MessageState.retry:
        return outcome
    return replace(outcome, state=MessageState.failed, reason=Reason.gave_up_retrying)


def _end(session: Session, claim: RetryClaim, outcomes: list[Outcome], now: datetime) -> None:
    """Write final states: the message, no retry any more, and the batch's counters moved by the same number."""
    if not outcomes:
        return
    mark_messages(session, campaign_id=claim.campaign_id, outcomes=outcomes, now=now)
    remove_retries(session, claim=claim, seqs=[outcome.person.seq for outcome in outcomes])
    for outcome in outcomes:
        _move_counter(session, claim.campaign_id, outcome)


def _move_counter(session: Session, campaign_id: int, outcome: Outcome) -> None:
    column = COUNTER_OF_STATE[outcome.state]
    session.execute(
        text(
            f"UPDATE batch SET deferred = deferred - 1, {column} = {column} + 1, updated_at = now() "  # noqa: S608
            "WHERE campaign_id = :campaign_id AND :seq BETWEEN first_seq AND last_seq"
        ),
        {"campaign_id": campaign_id, "seq": outcome.person.seq},
    )
