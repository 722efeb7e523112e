"""Memberships: who is on which list, with whose consent (rule G1). Nobody is re-subscribed by accident."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.contacts.events import record_event
from campaigns.contacts.text import clean_line, clean_text
from campaigns.errors import InvalidInput, NotFound
from campaigns.models.contact import Contact
from campaigns.models.event import EventKind
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import Membership, MembershipState


class InvalidMembership(InvalidInput):
    code = "invalid_membership"


class MembershipNotFound(NotFound):
    code = "membership_not_found"


class Outcome(StrEnum):
    """What :func:`subscribe` did."""

    subscribed = "subscribed"
    confirmed = "confirmed"
    resubscribed = "resubscribed"
    unchanged = "unchanged"
    kept_unsubscribed = "kept_unsubscribed"


@dataclass(frozen=True)
class Consent:
    """What can be proved of a consent: where it was given, the text shown, the network address, the time."""

    source: str
    text: str | None = None
    network: str | None = None
    at: datetime | None = None
    tracking: bool | None = None


@dataclass(frozen=True)
class MembershipView:
    """A membership with its list's name."""

    list_name: str
    membership: Membership


def subscribe(
    session: Session,
    *,
    contact_id: int,
    list_id: int,
    consent: Consent,
    now: datetime,
    state: MembershipState = MembershipState.confirmed,
    is_own_wish: bool = False,
) -> Outcome:
    """Put a contact on a list, as ``confirmed`` or ``pending``, and say what changed.

    Somebody who unsubscribed stays so unless ``is_own_wish`` says that the person asked for it now. A confirmed
    member stays as they are. Raises :class:`InvalidMembership` without a consent source or with an unknown list or
    contact.
    """
    if not clean_line(consent.source):
        raise InvalidMembership("Say where the consent comes from.", field="consent_source")
    _check_exist(session, contact_id, list_id)
    columns = _consent_columns(consent, state, now)
    made = insert(Membership).values(list_id=list_id, contact_id=contact_id, created_at=now, **columns)
    made_id = session.scalar(made.on_conflict_do_nothing().returning(Membership.contact_id))
    if made_id is not None:
        return Outcome.subscribed
    row = _lock(session, contact_id, list_id)
    if row.state == state or row.state == MembershipState.confirmed:
        return Outcome.unchanged
    if row.state == MembershipState.unsubscribed and not is_own_wish:
        return Outcome.kept_unsubscribed
    outcome = Outcome.resubscribed if row.state == MembershipState.unsubscribed else Outcome.confirmed
    for name, value in columns.items():
        setattr(row, name, value)
    row.unsubscribed_at = row.unsubscribe_source = None
    session.flush()
    if outcome is Outcome.resubscribed:
        record_event(session, kind=EventKind.resubscribe, contact_id=contact_id, list_id=list_id, now=now)
    return outcome


def end_membership(session: Session, *, contact_id: int, list_id: int, source: str, now: datetime) -> bool:
    """Unsubscribe a member from one list on somebody's behalf; say whether that changed anything.

    Raises :class:`MembershipNotFound` for somebody who never was on the list.
    """
    row = _lock(session, contact_id, list_id)
    if row.state == MembershipState.unsubscribed:
        return False
    mark_unsubscribed(row, source=source, now=now)
    session.flush()
    record_event(session, kind=EventKind.unsubscribe, contact_id=contact_id, list_id=list_id, now=now)
    return True


def mark_unsubscribed(row: Membership, *, source: str, now: datetime) -> None:
    """Set a membership to unsubscribed, keeping the consent that was before."""
    row.state, row.unsubscribed_at, row.unsubscribe_source = MembershipState.unsubscribed, now, clean_line(source)
    row.updated_at = now


def list_memberships(session: Session, *, contact_id: int) -> list[MembershipView]:
    """Return a contact's memberships by list name."""
    wanted = (
        select(MailingList.name, Membership)
        .join(MailingList, MailingList.id == Membership.list_id)
        .where(Membership.contact_id == contact_id)
        .order_by(MailingList.name, MailingList.id)
    )
    return [MembershipView(name, row) for name, row in session.execute(wanted)]


def _consent_columns(consent: Consent, state: MembershipState, now: datetime) -> dict[str, object]:
    is_confirmed = state == MembershipState.confirmed
    return {
        "state": state,
        "source": clean_line(consent.source),
        "consent_text": clean_text(consent.text)[:10_000] if consent.text else None,
        "consent_network": consent.network,
        "consent_at": consent.at or now,
        "confirmed_at": now if is_confirmed else None,
        "tracking_consent": consent.tracking,
        "updated_at": now,
    }


def _check_exist(session: Session, contact_id: int, list_id: int) -> None:
    if session.get(MailingList, list_id) is None:
        raise InvalidMembership("There is no such list.", field="list_id")
    if session.scalar(select(Contact.id).where(Contact.id == contact_id)) is None:
        raise InvalidMembership("There is no such contact.", field="contact_id")


def _lock(session: Session, contact_id: int, list_id: int) -> Membership:
    row = session.scalar(
        select(Membership)
        .where(Membership.contact_id == contact_id, Membership.list_id == list_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise MembershipNotFound("This contact is not on that list.")
    return row
