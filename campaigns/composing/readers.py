"""Contacts to preview a campaign as: members of its list, one after the other, or found by how they begin."""

from dataclasses import dataclass

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from campaigns.models.contact import Contact
from campaigns.models.membership import Membership, MembershipState


@dataclass(frozen=True)
class Reader:
    """A contact whom a preview can be made for, and the neighbours among the list's members."""

    contact_id: int
    email: str
    given_name: str
    family_name: str
    language: str | None
    previous_id: int | None = None
    next_id: int | None = None


def find_reader(session: Session, *, list_id: int, contact_id: int | None = None) -> Reader | None:
    """Return the chosen contact, or the list's first confirmed member when nobody is chosen.

    Anybody can be chosen, member or not; ``None`` when there is no such contact, or no member.
    """
    if contact_id is None:
        contact = session.scalar(_members(list_id).order_by(Membership.contact_id).limit(1))
    else:
        contact = session.get(Contact, contact_id)
    return None if contact is None else _with_neighbours(session, list_id, contact)


def search_readers(session: Session, *, list_id: int, search: str, limit: int = 8) -> list[Reader]:
    """Return members of the list whose address or name begins with ``search``, by address."""
    wanted = search.replace("\x00", "").strip().lower()
    query = (
        _members(list_id)
        .where(
            or_(
                Contact.address_key.startswith(wanted, autoescape=True),
                Contact.sort_key.startswith(wanted, autoescape=True),
                Contact.given_name.istartswith(wanted, autoescape=True),
            )
        )
        .order_by(Contact.address_key)
        .limit(limit)
    )
    return [_reader(contact) for contact in session.scalars(query)]


def _members(list_id: int) -> Select[Contact]:
    return (
        select(Contact)
        .join(Membership, Membership.contact_id == Contact.id)
        .where(Membership.list_id == list_id, Membership.state == MembershipState.confirmed)
    )


def _with_neighbours(session: Session, list_id: int, contact: Contact) -> Reader:
    ids = select(Membership.contact_id).where(
        Membership.list_id == list_id, Membership.state == MembershipState.confirmed
    )
    before = ids.where(Membership.contact_id < contact.id).order_by(Membership.contact_id.desc()).limit(1)
    after = ids.where(Membership.contact_id > contact.id).order_by(Membership.contact_id).limit(1)
    return _reader(contact, previous_id=session.scalar(before), next_id=session.scalar(after))


def _reader(contact: Contact, previous_id: int | None = None, next_id: int | None = None) -> Reader:
    return Reader(
        contact_id=contact.id,
        email=contact.email,
        given_name=contact.given_name,
        family_name=contact.family_name,
        language=contact.language,
        previous_id=previous_id,
        next_id=next_id,
    )
