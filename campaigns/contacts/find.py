"""Finding contacts: pages by keyset, search by address and name, counts that stay quick."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text, tuple_
from sqlalchemy.orm import Session

from campaigns.contacts.addresses import trim
from campaigns.contacts.names import HAN
from campaigns.contacts.sorting import make_search_key
from campaigns.errors import InvalidInput
from campaigns.models.contact import Contact
from campaigns.models.membership import Membership

EXACT_UP_TO = 10_000
MAX_WORDS = 5


class InvalidCursor(InvalidInput):
    code = "invalid_cursor"


@dataclass(frozen=True)
class Count:
    """How many there are; ``is_about`` says that it was estimated."""

    number: int
    is_about: bool = False


@dataclass(frozen=True)
class ContactPage:
    """Contacts, the newest first. ``next_cursor`` leads to the following page."""

    contacts: Sequence[Contact]
    next_cursor: str | None


def find_contacts(
    session: Session, *, search: str = "", list_id: int | None = None, cursor: str | None = None, limit: int = 50
) -> ContactPage:
    """Return a page of contacts, the newest first; with ``search`` those in whose address or name every word stands.

    Raises :class:`InvalidCursor`.
    """
    wanted = select(Contact).order_by(Contact.created_at.desc(), Contact.id.desc())
    wanted = _narrow(wanted, search, list_id)
    if cursor:
        wanted = wanted.where(tuple_(Contact.created_at, Contact.id) < tuple_(*_read_cursor(cursor)))
    rows = session.scalars(wanted.limit(limit + 1)).all()
    more = len(rows) > limit
    return ContactPage(rows[:limit], _write_cursor(rows[limit - 1]) if more else None)


def count_contacts(session: Session, *, search: str = "", list_id: int | None = None) -> Count:
    """Return how many contacts there are: exactly up to 10,000, beyond that the planner's estimate for all of them."""
    some = _narrow(select(Contact.id), search, list_id).limit(EXACT_UP_TO + 1).subquery()
    number = session.scalar(select(func.count()).select_from(some)) or 0
    if number <= EXACT_UP_TO:
        return Count(number)
    if search or list_id is not None:
        return Count(EXACT_UP_TO, is_about=True)
    estimate = session.scalar(text("SELECT reltuples::bigint FROM pg_class WHERE oid = 'contact'::regclass"))
    return Count(max(EXACT_UP_TO, estimate or 0), is_about=True)


def _narrow(wanted: Select[Any], search: str, list_id: int | None) -> Select[Any]:
    if list_id is not None:
        member = select(Membership.contact_id).where(Membership.list_id == list_id, Membership.contact_id == Contact.id)
        wanted = wanted.where(member.exists())
    words = trim(search)[:200].split()[:MAX_WORDS]
    return wanted.where(*(_matches(word) for word in words))


def _matches(word: str) -> ColumnElement[bool]:
    """A whole address is looked up in its index; anything else stands somewhere in the address or the name."""
    lowered = word.lower().replace("\x00", "")
    local, at, domain = lowered.partition("@")
    if local and at and "." in domain:
        above = f"{lowered}\U0010ffff"
        return and_(Contact.address_key >= lowered, Contact.address_key < above)
    folded = make_search_key(word)
    in_address = Contact.address_key.contains(lowered, autoescape=True)
    if not folded:
        return in_address
    # A name in Han is shown and typed without a space, but sorted with a tab between family and given name.
    names = func.replace(Contact.sort_key, "\t", "") if HAN.search(folded) else Contact.sort_key
    return or_(in_address, names.contains(folded, autoescape=True))


def _write_cursor(row: Contact) -> str:
    return f"{row.created_at.isoformat()}~{row.id}"


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    at, _, number = cursor.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not 0 <= int(number) < 2**63:
            raise ValueError
        return moment, int(number)
    except ValueError:
        raise InvalidCursor("This page does not exist any more; begin at the first one.", field="cursor") from None
