"""Who sends a batch: claimed by lease and token, fair over campaigns, and taken from the dead.

The database's ``now()`` alone decides about leases. What a dead worker had in hand is uncertain, and only that:
beyond ``handed_seq`` nothing was given to SMTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Claim:
    """A batch in our hands as long as nobody else's token stands on it. All up to ``marked_seq`` is settled."""

    campaign_id: int
    number: int
    token: UUID
    first_seq: int
    last_seq: int
    marked_seq: int


CLAIM = text("""
WITH busy AS (SELECT campaign_id, count(*) AS workers FROM batch WHERE state = 'sending' GROUP BY campaign_id),
chosen AS (
    SELECT b.campaign_id, b.number
    FROM batch b
    JOIN campaign c ON c.id = b.campaign_id AND c.state = 'sending'
    JOIN installation i ON i.held_at IS NULL
    LEFT JOIN busy ON busy.campaign_id = b.campaign_id
    WHERE b.state = 'waiting' AND b.due_at <= now()
    ORDER BY coalesce(busy.workers, 0), coalesce(array_position(CAST(:recent AS integer[]), b.campaign_id), 0),
        b.due_at, b.campaign_id, b.number
    LIMIT 1
    FOR UPDATE OF b SKIP LOCKED
)
UPDATE batch b
SET state = 'sending', token = :token, worker = :worker, updated_at = now(), marked_seq = b.handed_seq,
    lease_until = now() + make_interval(secs => :lease_seconds)
FROM chosen
WHERE b.campaign_id = chosen.campaign_id AND b.number = chosen.number AND b.state = 'waiting'
RETURNING b.campaign_id, b.number, b.first_seq, b.last_seq, b.marked_seq
""")


def claim_batch(
    session: Session, *, worker: str, lease_seconds: float, recent_campaigns: Sequence[int] = ()
) -> Claim | None:
    """Return a due batch that is now ours, or None when there is none.

    Campaigns with the fewest workers come first, and among those the ones this worker has not just served
    (``recent_campaigns``, the latest last), so that no campaign waits for another one to end.
    """
    token = uuid4()
    values = {"token": token, "worker": worker, "lease_seconds": lease_seconds, "recent": list(recent_campaigns)}
    row = session.execute(CLAIM, values).one_or_none()
    return None if row is None else Claim(row[0], row[1], token, *row[2:])


RELEASE_EXPIRED = text("""
WITH expired AS (
    SELECT campaign_id, number, marked_seq, handed_seq FROM batch
    WHERE state = 'sending' AND lease_until < now()
    FOR UPDATE SKIP LOCKED
),
doubtful AS (
    UPDATE message m SET state = 4, reason = 41
    FROM expired e
    WHERE m.campaign_id = e.campaign_id AND m.seq > e.marked_seq AND m.seq <= e.handed_seq AND m.state = 0
    RETURNING m.campaign_id, e.number
),
counted AS (SELECT campaign_id, number, count(*) AS people FROM doubtful GROUP BY campaign_id, number)
UPDATE batch b
SET state = CASE WHEN b.handed_seq >= b.last_seq THEN 'done' ELSE 'waiting' END,
    token = NULL, lease_until = NULL, worker = NULL, marked_seq = b.handed_seq, updated_at = now(),
    uncertain = b.uncertain + coalesce(counted.people, 0)
FROM expired e
LEFT JOIN counted ON counted.campaign_id = e.campaign_id AND counted.number = e.number
WHERE b.campaign_id = e.campaign_id AND b.number = e.number
""")

RELEASE_EXPIRED_RETRIES = text("""
WITH expired AS (
    SELECT campaign_id, seq, handed_at FROM message_retry
    WHERE lease_until < now()
    FOR UPDATE SKIP LOCKED
),
doubtful AS (
    UPDATE message m SET state = 4, reason = 41
    FROM expired e
    WHERE m.campaign_id = e.campaign_id AND m.seq = e.seq AND e.handed_at IS NOT NULL AND m.state = 1
    RETURNING m.campaign_id, m.seq
),
gone AS (
    DELETE FROM message_retry r USING doubtful d WHERE r.campaign_id = d.campaign_id AND r.seq = d.seq
),
counted AS (
    SELECT b.campaign_id, b.number, count(*) AS people
    FROM doubtful d
    JOIN batch b ON b.campaign_id = d.campaign_id AND d.seq BETWEEN b.first_seq AND b.last_seq
    GROUP BY b.campaign_id, b.number
),
moved AS (
    UPDATE batch b SET deferred = b.deferred - counted.people, uncertain = b.uncertain + counted.people
    FROM counted WHERE b.campaign_id = counted.campaign_id AND b.number = counted.number
)
UPDATE message_retry r SET lease_until = NULL, token = NULL
FROM expired e
WHERE r.campaign_id = e.campaign_id AND r.seq = e.seq AND e.handed_at IS NULL
""")


def release_expired(session: Session) -> None:
    """Take batches and retries from workers whose lease is over; what they had in hand becomes uncertain.

    In every state of the campaign: a message handed over in a campaign that was cancelled since is in doubt too.
    """
    session.execute(RELEASE_EXPIRED)
    session.execute(RELEASE_EXPIRED_RETRIES)


EXTEND = text("""
UPDATE batch SET lease_until = now() + make_interval(secs => :lease_seconds)
WHERE campaign_id = :campaign_id AND number = :number AND token = :token AND lease_until > now()
""")


def extend_lease(session: Session, *, claim: Claim, lease_seconds: float) -> bool:
    """Keep a batch while a slow server has the window; say whether it is still ours."""
    values = {"campaign_id": claim.campaign_id, "number": claim.number, "token": claim.token}
    result = session.connection().execute(EXTEND, {**values, "lease_seconds": lease_seconds})
    return result.rowcount == 1
