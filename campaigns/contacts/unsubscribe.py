"""Unsubscribing by the token of a mail. It works for ever, whatever rows are gone (rule L4)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.contacts.addresses import mask
from campaigns.contacts.events import record_event
from campaigns.contacts.membership import mark_unsubscribed
from campaigns.contacts.suppress import BY_UNSUBSCRIBE, begins_with, find_suppression, suppress
from campaigns.contacts.text import clean_line
from campaigns.models.contact import Contact
from campaigns.models.event import EventKind
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import Membership, MembershipState
from campaigns.models.suppression import Suppression, SuppressionReason
from campaigns.signing import TOKEN_ADDRESS_BYTES, UnsubscribeRef


@dataclass(frozen=True)
class Unsubscribed:
    """What the reader is told. ``list_name`` and ``masked_address`` are empty where the rows are gone."""

    list_name: str
    masked_address: str
    already: bool
    contact_exists: bool


@dataclass(frozen=True)
class Standing:
    """Where the person behind a token stands on its list; ``state`` is None for somebody not on it."""

    list_name: str
    masked_address: str
    state: MembershipState | None
    suppressed: bool


def unsubscribe(session: Session, *, ref: UnsubscribeRef, source: str, now: datetime) -> Unsubscribed:
    """Take the person behind a token off its list; asking twice changes nothing more.

    The person is the contact with the token's number *and* address, else whoever has that address now. With nobody
    there, or no list any more, the address itself is suppressed under its keyed hash.
    """
    contact, mailing_list = _find_contact(session, ref), session.get(MailingList, ref.list_id)
    if contact is None or mailing_list is None:
        already = not _suppress_by_hash(session, ref, contact, now)
        return Unsubscribed(
            mailing_list.name if mailing_list else "", _masked(contact), already, contact_exists=contact is not None
        )
    row = _lock_membership(session, contact.id, mailing_list.id, now)
    already = row.state == MembershipState.unsubscribed and row.unsubscribed_at is not None
    if not already:
        mark_unsubscribed(row, source=clean_line(source), now=now)
        session.flush()
        _record(session, EventKind.unsubscribe, ref, contact, now)
    return Unsubscribed(mailing_list.name, _masked(contact), already, contact_exists=True)


def undo(session: Session, *, ref: UnsubscribeRef, now: datetime) -> Unsubscribed:
    """Take an unsubscription back: the member stands as before, under the consent given before.

    ``already`` says that there was nothing to take back. Suppressions for another reason stay.
    """
    contact, mailing_list = _find_contact(session, ref), session.get(MailingList, ref.list_id)
    lifted = _lift_by_hash(session, ref)
    name = mailing_list.name if mailing_list else ""
    if contact is None or mailing_list is None:
        return Unsubscribed(name, _masked(contact), not lifted, contact_exists=contact is not None)
    row = _lock_membership(session, contact.id, mailing_list.id, now)
    if row.state != MembershipState.unsubscribed or row.unsubscribed_at is None:
        return Unsubscribed(name, _masked(contact), not lifted, contact_exists=True)
    row.state = MembershipState.confirmed if row.confirmed_at else MembershipState.pending
    row.unsubscribed_at, row.unsubscribe_source, row.updated_at = None, None, now
    session.flush()
    _record(session, EventKind.resubscribe, ref, contact, now)
    return Unsubscribed(name, _masked(contact), already=False, contact_exists=True)


def look_up(session: Session, *, ref: UnsubscribeRef) -> Standing:
    """Return what the page behind a token shows before anything is done; changes nothing."""
    contact, mailing_list = _find_contact(session, ref), session.get(MailingList, ref.list_id)
    state = None
    if contact is not None and mailing_list is not None:
        row = session.get(Membership, (mailing_list.id, contact.id))
        state = MembershipState(row.state) if row else None
    suppressed = find_suppression(session, address_hash=ref.address_hash) is not None
    return Standing(mailing_list.name if mailing_list else "", _masked(contact), state, suppressed)


def _masked(contact: Contact | None) -> str:
    return mask(contact.email) if contact else ""


def _find_contact(session: Session, ref: UnsubscribeRef) -> Contact | None:
    """Ids can name somebody else after a restore, so the address decides."""
    short = ref.address_hash[:TOKEN_ADDRESS_BYTES]
    contact = session.get(Contact, ref.contact_id)
    if contact is not None and contact.address_hash.startswith(short):
        return contact
    wanted = select(Contact).where(begins_with(Contact.address_hash, short)).order_by(Contact.address_hash)
    return session.scalar(wanted.limit(1))


def _lock_membership(session: Session, contact_id: int, list_id: int, now: datetime) -> Membership:
    """Return the membership, made when it is gone: the wish must outlive it.

    Who got a mail of the list was a confirmed member of it, and is one again after an undo.
    """
    missing = insert(Membership).values(
        list_id=list_id,
        contact_id=contact_id,
        state=MembershipState.unsubscribed,
        source="",
        confirmed_at=now,
        created_at=now,
        updated_at=now,
    )
    session.execute(missing.on_conflict_do_nothing())
    return session.scalars(
        select(Membership)
        .where(Membership.list_id == list_id, Membership.contact_id == contact_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _record(session: Session, kind: EventKind, ref: UnsubscribeRef, contact: Contact, now: datetime) -> None:
    record_event(
        session,
        kind=kind,
        contact_id=contact.id,
        list_id=ref.list_id,
        now=now,
        campaign_id=ref.campaign_id,
        seq=ref.seq,
    )


def _suppress_by_hash(session: Session, ref: UnsubscribeRef, contact: Contact | None, now: datetime) -> bool:
    if find_suppression(session, address_hash=ref.address_hash) is not None:
        return False
    return suppress(
        session,
        address_hash=contact.address_hash if contact else ref.address_hash[:TOKEN_ADDRESS_BYTES],
        reason=SuppressionReason.manual,
        source=BY_UNSUBSCRIBE,
        hint=_masked(contact),
        now=now,
    )


def _lift_by_hash(session: Session, ref: UnsubscribeRef) -> bool:
    row = find_suppression(session, address_hash=ref.address_hash)
    if row is None or row.source != BY_UNSUBSCRIBE:
        return False
    session.execute(delete(Suppression).where(Suppression.address_hash == row.address_hash))
    return True
