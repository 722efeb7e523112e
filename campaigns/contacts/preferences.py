"""What a subscriber may choose behind the link in a mail: the lists they know of, and whether they are tracked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.contacts.addresses import mask
from campaigns.contacts.membership import Consent, end_membership, list_memberships, subscribe
from campaigns.errors import NotFound
from campaigns.models.contact import Contact
from campaigns.models.mailing_list import MailingList, TrackingMode
from campaigns.models.membership import Membership, MembershipState
from campaigns.signing import TOKEN_ADDRESS_BYTES, UnsubscribeRef

SOURCE = "preferences"


class NobodyThere(NotFound):
    """The person behind the token is not kept any more."""

    code = "nobody_there"


@dataclass(frozen=True)
class ListChoice:
    """One list the person is or was on. ``is_tracked`` is None where the list never tracks individuals."""

    list_id: int
    name: str
    description: str
    is_member: bool
    is_tracked: bool | None


@dataclass(frozen=True)
class Preferences:
    """The person's present choices."""

    masked_address: str
    choices: tuple[ListChoice, ...]

    @property
    def is_tracked(self) -> bool | None:
        """Whether any of their lists tracks them; None where none would."""
        answers = [choice.is_tracked for choice in self.choices if choice.is_tracked is not None]
        return any(answers) if answers else None


def read_preferences(session: Session, *, ref: UnsubscribeRef) -> Preferences:
    """Return the choices of the person behind a token; raises :class:`NobodyThere`.

    Only lists they are on or were on show: a link in a forwarded mail tells nothing of others.
    """
    contact = _find(session, ref)
    lists = {row.id: row for row in session.scalars(select(MailingList).where(MailingList.archived_at.is_(None)))}
    memberships = [view.membership for view in list_memberships(session, contact_id=contact.id)]
    return Preferences(
        mask(contact.email), tuple(_choice(lists[row.list_id], row) for row in memberships if row.list_id in lists)
    )


def save_preferences(
    session: Session,
    *,
    ref: UnsubscribeRef,
    member_of: Collection[int],
    tracking: bool | None,
    consent_text: str,
    now: datetime,
) -> Preferences:
    """Make the person a member of exactly ``member_of`` among the lists they know, and return their choices.

    ``tracking`` None leaves consent to tracking alone. Joining again needs no new confirmation where one was given
    before; ``consent_text`` is what the page said, kept as proof (rule G1). Raises :class:`NobodyThere`.
    """
    contact = _find(session, ref)
    for choice in read_preferences(session, ref=ref).choices:
        if choice.list_id in member_of and not choice.is_member:
            _join_again(session, contact, choice.list_id, consent_text, now)
        elif choice.list_id not in member_of and choice.is_member:
            end_membership(session, contact_id=contact.id, list_id=choice.list_id, source=SOURCE, now=now)
    if tracking is not None:
        for row in session.scalars(select(Membership).where(Membership.contact_id == contact.id).with_for_update()):
            row.tracking_consent = tracking
    session.flush()
    return read_preferences(session, ref=ref)


def _join_again(session: Session, contact: Contact, list_id: int, consent_text: str, now: datetime) -> None:
    row = session.get_one(Membership, (list_id, contact.id))
    subscribe(
        session,
        contact_id=contact.id,
        list_id=list_id,
        consent=Consent(source=SOURCE, text=consent_text, at=now, tracking=row.tracking_consent),
        state=MembershipState.confirmed if row.confirmed_at else MembershipState.pending,
        is_own_wish=True,
        now=now,
    )


def _find(session: Session, ref: UnsubscribeRef) -> Contact:
    contact = session.get(Contact, ref.contact_id)
    if contact is None or not contact.address_hash.startswith(ref.address_hash[:TOKEN_ADDRESS_BYTES]):
        raise NobodyThere("This address is not kept here any more.")
    return contact


def _choice(row: MailingList, membership: Membership) -> ListChoice:
    is_tracked = None
    if row.tracking_mode == TrackingMode.individual:
        is_tracked = (
            membership.tracking_consent is True
            if row.tracking_needs_consent
            else membership.tracking_consent is not False
        )
    return ListChoice(row.id, row.name, row.description, membership.state != MembershipState.unsubscribed, is_tracked)
