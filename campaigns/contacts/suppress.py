"""Suppression: addresses that must not be mailed, kept under a keyed hash that outlives the contact."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaigns.contacts.addresses import mask, normalise
from campaigns.contacts.text import clean_line
from campaigns.errors import NotFound
from campaigns.models.suppression import Suppression, SuppressionReason
from campaigns.signing import TOKEN_ADDRESS_BYTES, KeyRing

STRENGTH = {
    SuppressionReason.imported: 1,
    SuppressionReason.manual: 2,
    SuppressionReason.hard_bounce: 3,
    SuppressionReason.complaint: 4,
    SuppressionReason.erased: 5,
}
BY_UNSUBSCRIBE = "unsubscribe"


class SuppressionNotFound(NotFound):
    code = "suppression_not_found"


@dataclass(frozen=True)
class SuppressionPage:
    """Suppressions, the newest first. ``next_after`` leads to the following page."""

    rows: tuple[Suppression, ...]
    next_after: tuple[datetime, bytes] | None


def suppress(
    session: Session, *, address_hash: bytes, reason: SuppressionReason, source: str, hint: str, now: datetime
) -> bool:
    """Suppress an address and say whether that is new. A stronger reason replaces a weaker one.

    ``hint`` is a masked address, empty after an erasure.
    """
    strength = case({key.value: number for key, number in STRENGTH.items()}, value=Suppression.reason, else_=0)
    made = insert(Suppression).values(
        address_hash=address_hash, reason=reason, source=clean_line(source), hint=hint, created_at=now
    )
    changes = {name: made.excluded[name] for name in ("reason", "source", "hint")}
    upsert = made.on_conflict_do_update(
        index_elements=["address_hash"], set_=changes, where=strength < STRENGTH[SuppressionReason(reason)]
    )
    was_there = find_suppression(session, address_hash=address_hash) is not None
    session.execute(upsert)
    return not was_there


def suppress_address(
    session: Session, *, email: str, reason: SuppressionReason, source: str, key_ring: KeyRing, now: datetime
) -> bool:
    """Suppress an address by its spelling; raises ``InvalidAddress``. See :func:`suppress`."""
    address = normalise(email)
    return suppress(
        session,
        address_hash=key_ring.address_hash(address.key),
        reason=reason,
        source=source,
        hint=mask(address.email),
        now=now,
    )


def find_suppression(session: Session, *, address_hash: bytes) -> Suppression | None:
    """Return the suppression of an address, if there is one.

    A hash of 10 bytes (all that an unsubscribe token carries) finds the whole one, and the other way round.
    """
    short = address_hash[:TOKEN_ADDRESS_BYTES]
    wanted = select(Suppression).where(begins_with(Suppression.address_hash, short)).order_by(Suppression.address_hash)
    found = list(session.scalars(wanted.execution_options(populate_existing=True)))
    if len(address_hash) > TOKEN_ADDRESS_BYTES:
        found = [row for row in found if row.address_hash in (address_hash, short)]
    return found[-1] if found else None


def begins_with(column: InstrumentedAttribute[bytes], short: bytes) -> ColumnElement[bool]:
    """Return the condition that a hash begins with the bytes of a token, in a form that an index answers."""
    above = int.from_bytes(short, "big") + 1
    if above >> (8 * len(short)):
        return column >= short
    return and_(column >= short, column < above.to_bytes(len(short), "big"))


def is_suppressed(session: Session, *, address_hash: bytes) -> bool:
    """Say whether an address must not be mailed."""
    return find_suppression(session, address_hash=address_hash) is not None


def remove_suppression(session: Session, *, address_hash: bytes) -> Suppression:
    """Let an address be mailed again and return what stood there; raises :class:`SuppressionNotFound`."""
    row = session.get(Suppression, address_hash)
    if row is None:
        raise SuppressionNotFound("This address is not suppressed.")
    session.expunge(row)
    session.execute(delete(Suppression).where(Suppression.address_hash == address_hash))
    return row


def list_suppressions(
    session: Session,
    *,
    address_hash: bytes | None = None,
    reason: SuppressionReason | None = None,
    after: tuple[datetime, bytes] | None = None,
    limit: int = 50,
) -> SuppressionPage:
    """Return a page of suppressions, narrowed to one address (by its hash) or one reason."""
    wanted = select(Suppression).order_by(Suppression.created_at.desc(), Suppression.address_hash.desc())
    if address_hash is not None:
        wanted = wanted.where(Suppression.address_hash.in_([address_hash, address_hash[:TOKEN_ADDRESS_BYTES]]))
    if reason is not None:
        wanted = wanted.where(Suppression.reason == reason)
    if after is not None:
        wanted = wanted.where(tuple_(Suppression.created_at, Suppression.address_hash) < tuple_(*after))
    rows = list(session.scalars(wanted.limit(limit + 1)))
    last = rows[limit - 1] if len(rows) > limit else None
    return SuppressionPage(tuple(rows[:limit]), (last.created_at, last.address_hash) if last else None)


def apply_short_hashes(session: Session, *, address_hashes: list[bytes]) -> None:
    """Suppress newly created addresses that somebody unsubscribed while no contact had them.

    Such a suppression knows only the 10 bytes of the token; from now on it stands under the whole hash.
    """
    by_short = {whole[:TOKEN_ADDRESS_BYTES]: whole for whole in address_hashes}
    rows = session.scalars(select(Suppression).where(Suppression.address_hash.in_(list(by_short))))
    for row in rows.all():
        values = {"reason": row.reason, "source": row.source, "hint": row.hint, "created_at": row.created_at}
        made = insert(Suppression).values(address_hash=by_short[row.address_hash], **values)
        session.execute(made.on_conflict_do_nothing())
        session.execute(delete(Suppression).where(Suppression.address_hash == row.address_hash))


def count_by_reason(session: Session) -> dict[str, int]:
    """Return how many addresses are suppressed, by reason."""
    counted = select(Suppression.reason, func.count()).group_by(Suppression.reason)
    return dict(session.execute(counted).all())
