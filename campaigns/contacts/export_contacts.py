"""Contacts as a file for a spreadsheet: what the page of contacts shows, with every attribute."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.contacts.attributes import list_attributes
from campaigns.contacts.export_csv import write_csv
from campaigns.contacts.find import find_contacts
from campaigns.models.contact import Contact
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import Membership, MembershipState

COLUMNS = ("Email", "First name", "Last name", "Language", "Time zone", "Contact since", "Lists")
CHUNK = 1000


def contacts_csv(session: Session, *, search: str = "", list_id: int | None = None) -> Iterator[str]:
    """Yield a CSV of the contacts that ``find_contacts`` finds, the newest first, line by line.

    ``Lists`` names the lists that a contact has confirmed; each attribute in use has a column of its own.
    """
    attributes = list_attributes(session)
    header = [*COLUMNS, *(one.label for one in attributes)]
    yield from write_csv(header, _rows(session, search, list_id, [str(one.id) for one in attributes]))


def _rows(session: Session, search: str, list_id: int | None, keys: Sequence[str]) -> Iterator[list[Any]]:
    """Walk in pages: a million contacts must not stand in memory."""
    cursor = None
    while True:
        page = find_contacts(session, search=search, list_id=list_id, cursor=cursor, limit=CHUNK)
        lists = _list_names(session, page.contacts)
        for row in page.contacts:
            plain = [row.email, row.given_name, row.family_name, row.language, row.time_zone, row.created_at]
            yield [*plain, lists.get(row.id, []), *(row.attributes.get(key) for key in keys)]
        session.expunge_all()
        cursor = page.next_cursor
        if cursor is None:
            return


def _list_names(session: Session, contacts: Sequence[Contact]) -> Mapping[int, list[str]]:
    query = (
        select(Membership.contact_id, MailingList.name)
        .join(MailingList, MailingList.id == Membership.list_id)
        .where(Membership.contact_id.in_([row.id for row in contacts]), Membership.state == MembershipState.confirmed)
        .order_by(Membership.contact_id, MailingList.name)
    )
    return {number: [name for _, name in some] for number, some in groupby(session.execute(query), lambda row: row[0])}
