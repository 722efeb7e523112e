"""System mail: written into the outbox with the change it belongs to, sent once, never tracked."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns import clock, queue
from campaigns.db import transaction
from campaigns.delivery.outcome import clean
from campaigns.delivery.retry import next_try
from campaigns.delivery.transport import ConnectionLost, Mail, Refused, Result, Sent, Transport
from campaigns.models.outbox import OutboxMail, OutboxState
from campaigns.settings import Settings

log = logging.getLogger(__name__)

WAIT_WHEN_CLOSED = timedelta(seconds=20)


@dataclass(frozen=True)
class OutboxClaim:
    """One system mail in our hands, handed over from this moment on."""

    id: int
    token: UUID
    mail: Mail
    attempts: int
    created_at: datetime


def queue_mail(
    session: Session,
    *,
    kind: str,
    to_email: str,
    envelope_from: str,
    raw: bytes,
    idempotency_key: str,
    now: datetime,
    campaign_id: int | None = None,
) -> bool:
    """Put a mail into the outbox and say whether it is new: the same ``idempotency_key`` is sent once.

    It goes out after the caller's commit. ``raw`` is the whole message with CRLF line ends.
    """
    row = insert(OutboxMail).values(
        idempotency_key=idempotency_key,
        kind=kind,
        to_email=to_email,
        envelope_from=envelope_from,
        raw=raw,
        state=OutboxState.waiting,
        campaign_id=campaign_id,
        due_at=now,
        attempts=0,
        created_at=now,
    )
    new = session.scalar(row.on_conflict_do_nothing().returning(OutboxMail.id))
    queue.enqueue(session, queue.DELIVER_OUTBOX)
    return new is not None


CLAIM = text("""
UPDATE outbox
SET token = :token, lease_until = now() + make_interval(secs => :lease_seconds), handed_at = now(),
    attempts = attempts + 1
WHERE id = (
    SELECT o.id FROM outbox o
    WHERE o.state = 'waiting' AND o.due_at <= now() AND o.lease_until IS NULL
        AND NOT EXISTS (SELECT 1 FROM installation WHERE held_at IS NOT NULL AND o.kind <> 'sign_in')
    ORDER BY o.due_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, envelope_from, to_email, raw, attempts, created_at
""")

RELEASE_EXPIRED = text("""
UPDATE outbox SET state = 'uncertain', lease_until = NULL, token = NULL
WHERE state = 'waiting' AND lease_until < now()
""")

SETTLE = text("""
UPDATE outbox
SET state = :state, answer = :answer, due_at = :due_at, sent_at = :sent_at, lease_until = NULL, token = NULL,
    attempts = attempts - :untried
WHERE id = :id AND token = :token AND lease_until > now()
""")


def release_expired_mails(session: Session) -> None:
    """A mail whose worker died with it in hand is uncertain and is not sent again by itself."""
    session.execute(RELEASE_EXPIRED)


def claim_mail(session: Session, *, lease_seconds: float) -> OutboxClaim | None:
    """Return the next due mail, ours from now on, or None."""
    token = uuid4()
    row = session.execute(CLAIM, {"token": token, "lease_seconds": lease_seconds}).one_or_none()
    if row is None:
        return None
    mail = Mail(row.envelope_from, row.to_email, bytes(row.raw))
    return OutboxClaim(row.id, token, mail, row.attempts, row.created_at)


def settle_mail(
    session: Session, *, claim: OutboxClaim, result: Result | None, retry_seconds: float, now: datetime
) -> bool:
    """Write down what came of a mail (None: it was not sent at all); return False when it is not ours any more."""
    state, due_at = OutboxState.waiting, now + WAIT_WHEN_CLOSED
    match result:
        case Sent():
            state = OutboxState.sent
        case ConnectionLost(after_data=True):
            state = OutboxState.uncertain
        case Refused(permanent=True):
            state = OutboxState.failed
        case Refused():
            again = next_try(
                attempts=claim.attempts, first_at=claim.created_at, now=now, first_wait_seconds=retry_seconds
            )
            state, due_at = (OutboxState.waiting, again) if again else (OutboxState.failed, now)
    values = {
        "id": claim.id,
        "token": claim.token,
        "state": state,
        "answer": clean(result.answer) if result is not None else None,
        "due_at": due_at,
        "sent_at": now if state is OutboxState.sent else None,
        "untried": 0 if result is not None else 1,
    }
    return session.connection().execute(SETTLE, values).rowcount == 1


def deliver_due(*, settings: Settings, transport: Transport) -> int:
    """Send every system mail that is due, one after the other, and return how many came to a result."""
    handled = 0
    lease_seconds = max(settings.lease_seconds, 60.0)
    try:
        while True:
            with transaction() as session:
                release_expired_mails(session)
                claim = claim_mail(session, lease_seconds=lease_seconds)
            if claim is None:
                return handled
            result = next(iter(transport.deliver([claim.mail])), None)
            with transaction() as session:
                settle_mail(session, claim=claim, result=result, retry_seconds=settings.retry_seconds, now=clock.now())
            if result is None:
                log.warning("System mail waits: %s", transport.trouble)
                return handled
            handled += 1
    finally:
        transport.close()
