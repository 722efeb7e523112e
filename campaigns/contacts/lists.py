"""Lists: what a contact subscribes to, and how much each may know of its readers."""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.contacts.text import clean_line, clean_text
from campaigns.errors import InvalidInput, NotFound
from campaigns.models.mailing_list import MailingList, TrackingMode
from campaigns.models.membership import Membership, MembershipState
from campaigns.models.sender import Sender


class InvalidList(InvalidInput):
    code = "invalid_list"


class ListNotFound(NotFound):
    code = "list_not_found"


@dataclass(frozen=True)
class ListCounts:
    """Members of one list by state."""

    pending: int = 0
    confirmed: int = 0
    unsubscribed: int = 0


@dataclass(frozen=True)
class ListFields:
    """What a person can set on a list."""

    name: str
    description: str = ""
    sender_id: int | None = None
    tracking_mode: str = TrackingMode.individual
    tracking_needs_consent: bool = False
    double_opt_in: bool = True


def create_list(session: Session, *, fields: ListFields, now: datetime) -> MailingList:
    """Return a new list with a List-Id of its own that never changes (RFC 2919); raises :class:`InvalidList`."""
    row = MailingList(list_id=_make_list_id(session, fields.name), created_at=now)
    _fill(session, row, fields)
    session.add(row)
    session.flush()
    return row


def update_list(session: Session, *, list_id: int, fields: ListFields) -> MailingList:
    """Return the changed list; raises :class:`ListNotFound` and :class:`InvalidList`."""
    row = get_list(session, list_id=list_id)
    _fill(session, row, fields)
    session.flush()
    return row


def get_list(session: Session, *, list_id: int) -> MailingList:
    """Return one list, archived or not; raises :class:`ListNotFound`."""
    row = session.get(MailingList, list_id)
    if row is None:
        raise ListNotFound("There is no such list.")
    return row


def list_lists(session: Session, *, with_archived: bool = False) -> list[MailingList]:
    """Return the lists by name."""
    wanted = select(MailingList).order_by(MailingList.name, MailingList.id)
    if not with_archived:
        wanted = wanted.where(MailingList.archived_at.is_(None))
    return list(session.scalars(wanted))


def archive_list(session: Session, *, list_id: int, now: datetime) -> None:
    """Put a list away: it can't be chosen any more, its members and their consent stay."""
    row = get_list(session, list_id=list_id)
    row.archived_at = row.archived_at or now
    session.flush()


def restore_list(session: Session, *, list_id: int) -> None:
    """Bring an archived list back."""
    get_list(session, list_id=list_id).archived_at = None
    session.flush()


def count_members(session: Session) -> dict[int, ListCounts]:
    """Return the members of every list that has any, by list id."""
    counted = select(Membership.list_id, Membership.state, func.count()).group_by(Membership.list_id, Membership.state)
    by_list: dict[int, dict[str, int]] = {}
    for list_id, state, number in session.execute(counted):
        by_list.setdefault(list_id, {})[MembershipState(state).value] = number
    return {list_id: ListCounts(**numbers) for list_id, numbers in by_list.items()}


def _fill(session: Session, row: MailingList, fields: ListFields) -> None:
    name = clean_line(fields.name)
    if not name:
        raise InvalidList("The list needs a name.", field="name")
    if fields.tracking_mode not in list(TrackingMode):
        raise InvalidList("The tracking mode is none, aggregate or individual.", field="tracking_mode")
    if fields.sender_id is not None and session.get(Sender, fields.sender_id) is None:
        raise InvalidList("There is no such sender.", field="sender_id")
    row.name, row.description, row.sender_id = name, clean_text(fields.description)[:2000], fields.sender_id
    row.tracking_mode, row.double_opt_in = TrackingMode(fields.tracking_mode), fields.double_opt_in
    row.tracking_needs_consent = fields.tracking_needs_consent


def _make_list_id(session: Session, name: str) -> str:
    """Return a List-Id label: letters, digits and hyphens, readable, never used before."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "list"
    taken = session.scalar(select(MailingList.id).where(MailingList.list_id == base))
    return base if taken is None else f"{base}-{secrets.token_hex(3)}"
