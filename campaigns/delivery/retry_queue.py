"""Messages to be tried again: queued, claimed a window at a time, settled by the same fence as batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.delivery.outcome import Outcome, clean
from campaigns.delivery.retry import next_try
from campaigns.models.message import MessageRetry, MessageState


@dataclass(frozen=True)
class RetryClaim:
    """Deferred messages of one campaign in our hands."""

    campaign_id: int
    token: UUID
    seqs: tuple[int, ...]
    handed_mark: int


def queue_retries(
    session: Session, *, campaign_id: int, outcomes: Sequence[Outcome], first_wait_seconds: float, now: datetime
) -> None:
    """Queue the messages whose first try was put off."""
    rows: list[dict[str, Any]] = []
    for outcome in outcomes:
        if outcome.state is MessageState.retry:
            due_at = next_try(attempts=1, first_at=now, now=now, first_wait_seconds=first_wait_seconds)
            rows.append(
                {
                    "campaign_id": campaign_id,
                    "seq": outcome.person.seq,
                    "due_at": due_at,
                    "attempts": 1,
                    "first_at": now,
                    "answer": clean(outcome.detail) or "",
                }
            )
    if rows:
        session.execute(insert(MessageRetry).on_conflict_do_nothing(), rows)


CLAIM = text("""
WITH first_due AS (
    SELECT r.campaign_id FROM message_retry r
    JOIN campaign c ON c.id = r.campaign_id AND c.state = 'sending'
    JOIN installation i ON i.held_at IS NULL
    WHERE r.due_at <= now() AND r.lease_until IS NULL
    ORDER BY r.due_at LIMIT 1
),
chosen AS (
    SELECT r.campaign_id, r.seq FROM message_retry r JOIN first_due USING (campaign_id)
    WHERE r.due_at <= now() AND r.lease_until IS NULL
    ORDER BY r.due_at
    LIMIT :limit
    FOR UPDATE OF r SKIP LOCKED
)
UPDATE message_retry r
SET token = :token, handed_at = now(), lease_until = now() + make_interval(secs => :lease_seconds)
FROM chosen
WHERE r.campaign_id = chosen.campaign_id AND r.seq = chosen.seq
RETURNING r.campaign_id, r.seq
""")


def claim_retries(session: Session, *, limit: int, lease_seconds: float) -> RetryClaim | None:
    """Return due retries of one campaign, handed over from this moment on, or None when none is due."""
    token = uuid4()
    rows = session.execute(CLAIM, {"limit": limit, "token": token, "lease_seconds": lease_seconds}).all()
    if not rows:
        return None
    mark = session.scalar(text("SELECT nextval('handed_mark')"))
    return RetryClaim(rows[0].campaign_id, token, tuple(sorted(row.seq for row in rows)), int(mark or 0))


OURS = text("""
SELECT seq FROM message_retry
WHERE campaign_id = :campaign_id AND token = :token AND lease_until > now()
FOR UPDATE
""")

EXTEND = text("""
UPDATE message_retry SET lease_until = now() + make_interval(secs => :lease_seconds)
WHERE campaign_id = :campaign_id AND token = :token AND lease_until > now()
""")

GIVE_BACK = text("""
UPDATE message_retry SET token = NULL, lease_until = NULL, handed_at = NULL,
    due_at = now() + make_interval(secs => :wait_seconds)
WHERE campaign_id = :campaign_id AND token = :token AND seq = ANY(:seqs)
""")

AGAIN = text("""
UPDATE message_retry SET token = NULL, lease_until = NULL, handed_at = NULL,
    due_at = :due_at, attempts = :attempts, answer = :answer
WHERE campaign_id = :campaign_id AND token = :token AND seq = :seq
""")

REMOVE = text("DELETE FROM message_retry WHERE campaign_id = :campaign_id AND token = :token AND seq = ANY(:seqs)")


def still_ours(session: Session, *, claim: RetryClaim) -> set[int]:
    """Return the seqs that still carry our token, locked until the commit."""
    values = {"campaign_id": claim.campaign_id, "token": claim.token}
    return set(session.scalars(OURS, values))


def extend_retries(session: Session, *, claim: RetryClaim, lease_seconds: float) -> bool:
    """Keep the retries while a slow server has them; say whether they are still ours."""
    values = {"campaign_id": claim.campaign_id, "token": claim.token, "lease_seconds": lease_seconds}
    return session.connection().execute(EXTEND, values).rowcount > 0


def give_back(session: Session, *, claim: RetryClaim, seqs: Sequence[int], wait_seconds: float) -> None:
    """Hand back retries that were certainly not sent."""
    values = {"campaign_id": claim.campaign_id, "token": claim.token, "seqs": list(seqs)}
    session.execute(GIVE_BACK, {**values, "wait_seconds": wait_seconds})


def try_again(session: Session, *, claim: RetryClaim, seq: int, due_at: datetime, attempts: int, answer: str) -> None:
    """Put a message off once more."""
    values = {"campaign_id": claim.campaign_id, "token": claim.token, "seq": seq}
    session.execute(AGAIN, {**values, "due_at": due_at, "attempts": attempts, "answer": answer})


def remove_retries(session: Session, *, claim: RetryClaim, seqs: Sequence[int]) -> None:
    """Forget retries whose message came to an end."""
    session.execute(REMOVE, {"campaign_id": claim.campaign_id, "token": claim.token, "seqs": list(seqs)})
