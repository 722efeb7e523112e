"""Creating and changing one contact, by form and API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.contacts.addresses import Address, normalise
from campaigns.contacts.attributes import list_attributes
from campaigns.contacts.sorting import make_sort_key
from campaigns.contacts.suppress import apply_short_hashes
from campaigns.contacts.text import clean_line
from campaigns.contacts.values import InvalidValue, read_language, read_time_zone, read_value
from campaigns.errors import Conflict, InvalidInput, NotFound
from campaigns.models.contact import Contact
from campaigns.signing import KeyRing


class ContactNotFound(NotFound):
    code = "contact_not_found"


class AddressTaken(Conflict):
    code = "address_taken"


class UnknownAttribute(InvalidInput):
    code = "unknown_attribute"


class Outcome(StrEnum):
    created = "created"
    updated = "updated"
    unchanged = "unchanged"


@dataclass(frozen=True)
class ContactFields:
    """What is to be set. None leaves a field as it is, an empty text empties it.

    ``attributes`` goes by name; a value of None removes one.
    """

    email: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    greeting: str | None = None
    language: str | None = None
    time_zone: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    contact_id: int
    outcome: Outcome


def get_contact(session: Session, *, contact_id: int) -> Contact:
    """Return one contact; raises :class:`ContactNotFound`."""
    row = session.get(Contact, contact_id)
    if row is None:
        raise ContactNotFound("There is no such contact. It may have been erased.")
    return row


def find_by_email(session: Session, *, email: str) -> Contact | None:
    """Return the contact with that address in any spelling; raises ``InvalidAddress``."""
    return session.scalar(select(Contact).where(Contact.address_key == normalise(email).key))


def save_contact(
    session: Session, *, fields: ContactFields, key_ring: KeyRing, now: datetime, contact_id: int | None = None
) -> Saved:
    """Create or change a contact and say which it was.

    Without ``contact_id`` the address decides: a new one creates, a known one changes that contact. With it, that
    contact is changed, its address too. Raises ``InvalidAddress``, ``InvalidValue`` or :class:`UnknownAttribute` with
    the field's name, :class:`AddressTaken` or :class:`ContactNotFound`.
    """
    columns = _read_columns(fields)
    values = _read_attributes(session, fields.attributes)
    if contact_id is None:
        address = normalise(fields.email or "")
        found, created = _find_or_create(session, address, key_ring, now)
    else:
        found, created = get_contact(session, contact_id=contact_id), False
        session.refresh(found, with_for_update=True)
        if fields.email is not None:
            columns |= _move(session, found, normalise(fields.email), key_ring)
    changed = _apply(found, columns, values)
    if changed and not created:
        found.updated_at = now
    session.flush()
    outcome = Outcome.created if created else Outcome.updated if changed else Outcome.unchanged
    return Saved(found.id, outcome)


def _read_columns(fields: ContactFields) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name in ("given_name", "family_name"):
        if (text := getattr(fields, name)) is not None:
            columns[name] = clean_line(text)
    if fields.greeting is not None:
        columns["greeting"] = clean_line(fields.greeting) or None
    readers = {"language": read_language, "time_zone": read_time_zone}
    for name, read in readers.items():
        if (text := getattr(fields, name)) is not None:
            try:
                columns[name] = read(text)
            except InvalidValue as error:
                raise InvalidValue(error.code, field=name) from None
    return columns


def _read_attributes(session: Session, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return canonical values by attribute id; None removes."""
    if not given:
        return {}
    known = {row.name: row for row in list_attributes(session)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        where = f"attributes.{name}"
        if name not in known:
            raise UnknownAttribute(f"There is no attribute {name[:60]!r}.", field=where)
        try:
            values[str(known[name].id)] = read_value(known[name].kind, value)
        except InvalidValue as error:
            raise InvalidValue(error.code, field=where) from None
    return values


def _find_or_create(session: Session, address: Address, key_ring: KeyRing, now: datetime) -> tuple[Contact, bool]:
    """Two requests at once with a new address make one contact: the unique key decides who creates it."""
    address_hash = key_ring.address_hash(address.key)
    made = insert(Contact).values(
        email=address.email,
        address_key=address.key,
        address_hash=address_hash,
        domain=address.domain,
        given_name="",
        family_name="",
        attributes={},
        sort_key="",
        created_at=now,
        updated_at=now,
    )
    new_id = session.scalar(made.on_conflict_do_nothing().returning(Contact.id))
    if new_id is not None:
        apply_short_hashes(session, address_hashes=[address_hash])
    wanted = select(Contact).where(Contact.address_key == address.key).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).one(), new_id is not None


def _move(session: Session, contact: Contact, address: Address, key_ring: KeyRing) -> dict[str, Any]:
    taken = select(Contact.id).where(Contact.address_key == address.key, Contact.id != contact.id)
    if session.scalar(taken) is not None:
        raise AddressTaken("Another contact has this address already.")
    address_hash = key_ring.address_hash(address.key)
    apply_short_hashes(session, address_hashes=[address_hash])
    return {
        "email": address.email,
        "address_key": address.key,
        "address_hash": address_hash,
        "domain": address.domain,
    }


def _apply(contact: Contact, columns: dict[str, Any], values: dict[str, Any]) -> bool:
    merged = {key: value for key, value in {**contact.attributes, **values}.items() if value is not None}
    wanted = {**columns, "attributes": merged}
    if all(getattr(contact, name) == value for name, value in wanted.items()):
        return False
    for name, value in wanted.items():
        setattr(contact, name, value)
    contact.sort_key = make_sort_key(contact.given_name, contact.family_name)
    return True
