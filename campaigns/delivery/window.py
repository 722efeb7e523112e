"""The step between two windows, in one transaction: results down, cursor on, a second look at every person.

The first statement is the fence. It counts the last window, moves ``handed_seq`` over the next one and lengthens
the lease, and it does so only while the batch carries our token and our lease is not over. When it changes no row,
somebody else has the batch: nothing is written, and whoever called stops at once.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from campaigns.delivery.claim import Claim
from campaigns.delivery.outcome import Outcome, Person, count_outcomes, mark_messages
from campaigns.delivery.retry_queue import queue_retries
from campaigns.errors import Conflict
from campaigns.models.membership import MembershipState
from campaigns.models.message import MessageState, Reason


class LeaseLost(Conflict):
    """The batch belongs to another worker now; stop at once and hand over nothing more."""

    code = "batch_lease_lost"


@dataclass(frozen=True)
class Addressee:
    """A person who may have the mail, with what filling it needs. ``language`` is the content's number."""

    person: Person
    language: int
    given_name: str
    family_name: str
    greeting: str | None
    time_zone: str | None
    attributes: dict[str, Any]
    tracking_consent: bool | None


@dataclass(frozen=True)
class Step:
    """What to hand over now. Empty with ``goes_on`` when the whole window was left out by the second look."""

    addressees: tuple[Addressee, ...]
    handed_seq: int
    handed_mark: int
    goes_on: bool


FENCE = text("""
UPDATE batch b
SET marked_seq = :marked_seq,
    handed_seq = CASE WHEN going.on THEN least(:marked_seq + :window_size, b.last_seq) ELSE :marked_seq END,
    state = CASE WHEN going.on THEN 'sending' WHEN :marked_seq >= b.last_seq THEN 'done' ELSE 'waiting' END,
    token = CASE WHEN going.on THEN b.token END,
    worker = CASE WHEN going.on THEN b.worker END,
    lease_until = CASE WHEN going.on THEN now() + make_interval(secs => :lease_seconds) END,
    due_at = CASE WHEN going.on THEN b.due_at ELSE greatest(b.due_at, now() + make_interval(secs => :wait_seconds)) END,
    sent = b.sent + :sent, failed = b.failed + :failed, deferred = b.deferred + :deferred,
    uncertain = b.uncertain + :uncertain, skipped = b.skipped + :skipped, updated_at = now()
FROM (
    SELECT c.revision, c.list_id,
        CAST(:go AS boolean) AND c.state = 'sending' AND i.held_at IS NULL AND CAST(:marked_seq AS integer) < :last_seq
            AS on
    FROM campaign c, installation i WHERE c.id = :campaign_id
) going
WHERE b.campaign_id = :campaign_id AND b.number = :number AND b.token = :token AND b.lease_until > now()
RETURNING going.on, b.handed_seq, going.revision, going.list_id, nextval('handed_mark')
""")

LOOK = text("""
SELECT m.seq, m.contact_id, m.language, m.email AS frozen_email, c.email, c.address_hash, c.given_name, c.family_name,
    c.greeting, c.time_zone, c.attributes, ms.state AS membership, ms.tracking_consent, s.reason AS suppressed
FROM message m
LEFT JOIN contact c ON c.id = m.contact_id
LEFT JOIN membership ms ON ms.list_id = :list_id AND ms.contact_id = m.contact_id
LEFT JOIN suppression s ON s.address_hash = c.address_hash
WHERE m.campaign_id = :campaign_id AND m.seq > :marked_seq AND m.seq <= :handed_seq AND m.state = 0
ORDER BY m.seq
""")

COUNT_SKIPPED = text(
    "UPDATE batch SET skipped = skipped + :people WHERE campaign_id = :campaign_id AND number = :number"
)

REASON_OF_SUPPRESSION = {
    "complaint": Reason.suppressed_complaint,
    "hard_bounce": Reason.suppressed_hard_bounce,
    "erased": Reason.suppressed_erased,
    "imported": Reason.suppressed_imported,
}


def advance(
    session: Session,
    *,
    claim: Claim,
    marked_seq: int,
    outcomes: Sequence[Outcome],
    go: bool,
    window_size: int,
    lease_seconds: float,
    retry_seconds: float,
    wait_seconds: float = 0.0,
    now: datetime,
) -> Step:
    """Settle everything up to ``marked_seq`` and return the next window, the batch still ours.

    Without ``go``, or when the campaign is not being sent any more, the batch is handed back (due again after
    ``wait_seconds``), or done. Raises :class:`LeaseLost`, with nothing written.
    """
    values = {
        "campaign_id": claim.campaign_id,
        "number": claim.number,
        "token": claim.token,
        "last_seq": claim.last_seq,
        "marked_seq": marked_seq,
        "window_size": window_size,
        "lease_seconds": lease_seconds,
        "wait_seconds": wait_seconds,
        "go": go,
        **asdict(count_outcomes(outcomes)),
    }
    row = session.execute(FENCE, values).one_or_none()
    if row is None:
        raise LeaseLost(f"Batch {claim.number} of campaign {claim.campaign_id} was taken over by another worker.")
    goes_on, handed_seq, revision, list_id, mark = row
    mark_messages(session, campaign_id=claim.campaign_id, outcomes=outcomes, now=now)
    queue_retries(session, campaign_id=claim.campaign_id, outcomes=outcomes, first_wait_seconds=retry_seconds, now=now)
    addressees = _look(session, claim, marked_seq, handed_seq, revision, list_id, now) if goes_on else ()
    return Step(addressees, handed_seq, mark, goes_on)


def _look(
    session: Session, claim: Claim, marked_seq: int, handed_seq: int, revision: int, list_id: int, now: datetime
) -> tuple[Addressee, ...]:
    """Return the people of the window who may still have the mail; the others are skipped here and now."""
    span = {"marked_seq": marked_seq, "handed_seq": handed_seq, "list_id": list_id}
    rows = session.execute(LOOK, {"campaign_id": claim.campaign_id, **span}).all()
    skipped = [
        Outcome(make_person(row, revision), MessageState.skipped, reason)
        for row in rows
        if (reason := reason_to_skip(row)) is not None
    ]
    if skipped:
        mark_messages(session, campaign_id=claim.campaign_id, outcomes=skipped, now=now)
        session.execute(
            COUNT_SKIPPED, {"people": len(skipped), "campaign_id": claim.campaign_id, "number": claim.number}
        )
    rows = [row for row in rows if reason_to_skip(row) is None]
    note_new_addresses(session, claim.campaign_id, rows)
    return tuple(make_addressee(row, make_person(row, revision)) for row in rows)


def reason_to_skip(row: Row[Any]) -> Reason | None:
    """Return why a person must not have the mail any more: gone, suppressed or no longer a member."""
    if row.email is None:
        return Reason.contact_gone
    if row.suppressed is not None:
        return REASON_OF_SUPPRESSION.get(row.suppressed, Reason.suppressed_manual)
    if row.membership is None or row.membership == MembershipState.unsubscribed:
        return Reason.unsubscribed
    return None if row.membership == MembershipState.confirmed else Reason.not_confirmed


def make_person(row: Row[Any], revision: int) -> Person:
    return Person(row.seq, row.contact_id, row.email or row.frozen_email, bytes(row.address_hash or b""), revision)


def make_addressee(row: Row[Any], person: Person) -> Addressee:
    return Addressee(
        person=person,
        language=row.language,
        given_name=row.given_name,
        family_name=row.family_name,
        greeting=row.greeting,
        time_zone=row.time_zone,
        attributes=row.attributes,
        tracking_consent=row.tracking_consent,
    )


def note_new_addresses(session: Session, campaign_id: int, rows: Sequence[Row[Any]]) -> None:
    """Whoever changed their address since the freeze gets the mail at the new one, and the row says so."""
    changed = [{"seq": row.seq, "email": row.email} for row in rows if row.email != row.frozen_email]
    for values in changed:
        session.execute(
            text("UPDATE message SET email = :email WHERE campaign_id = :campaign_id AND seq = :seq"),
            {"campaign_id": campaign_id, **values},
        )
