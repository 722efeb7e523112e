"""Attributes: the fields that a marketer defines for contacts."""

import keyword
import re
import unicodedata
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.contacts.text import clean_line
from campaigns.errors import InvalidInput, NotFound
from campaigns.models.contact import Attribute, AttributeKind

MAX_ATTRIBUTES = 200
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ı": "i", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "þ": "th", "ð": "d"})


class InvalidAttribute(InvalidInput):
    code = "invalid_attribute"


class AttributeNotFound(NotFound):
    code = "attribute_not_found"


def list_attributes(session: Session, *, with_archived: bool = False) -> list[Attribute]:
    """Return the attributes in the order they were made."""
    wanted = select(Attribute).order_by(Attribute.id)
    if not with_archived:
        wanted = wanted.where(Attribute.archived_at.is_(None))
    return list(session.scalars(wanted))


def create_attribute(session: Session, *, label: str, kind: str, now: datetime, name: str | None = None) -> Attribute:
    """Return a new attribute; ``name`` (the merge tag's) is made from the label unless given.

    Raises :class:`InvalidAttribute` for an empty label, an unknown kind, or a name that is taken or no merge tag.
    """
    label = clean_line(label)
    if not label:
        raise InvalidAttribute("The attribute needs a label.", field="label")
    if kind not in list(AttributeKind):
        raise InvalidAttribute("The kind is text, number, date, boolean or tags.", field="kind")
    taken = set(session.scalars(select(Attribute.name)))
    if len(taken) >= MAX_ATTRIBUTES:
        raise InvalidAttribute(f"There are {MAX_ATTRIBUTES} attributes already; that is the most.", field="label")
    if name is not None and (name in taken or slug(name) != name):
        raise InvalidAttribute("This name is taken, or not made of a–z, 0–9 and _.", field="name")
    row = Attribute(name=name or _free_name(slug(label), taken), label=label, kind=AttributeKind(kind), created_at=now)
    session.add(row)
    session.flush()
    return row


def rename_attribute(session: Session, *, attribute_id: int, label: str) -> Attribute:
    """Return the attribute with another label; its merge tag stays, because mails already use it."""
    row = get_attribute(session, attribute_id=attribute_id)
    row.label = clean_line(label)
    if not row.label:
        raise InvalidAttribute("The attribute needs a label.", field="label")
    session.flush()
    return row


def archive_attribute(session: Session, *, attribute_id: int, now: datetime) -> None:
    """Put an attribute away; its values stay, and a later import can bring it back."""
    row = get_attribute(session, attribute_id=attribute_id)
    row.archived_at = row.archived_at or now
    session.flush()


def get_attribute(session: Session, *, attribute_id: int) -> Attribute:
    """Return one attribute; raises :class:`AttributeNotFound`."""
    row = session.get(Attribute, attribute_id)
    if row is None:
        raise AttributeNotFound("There is no such attribute.")
    return row


def slug(label: str) -> str:
    """Return a merge-tag name for a label: ``Total spent (€)`` → ``total_spent``; ``field`` where nothing is left."""
    lowered = label.lower().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", lowered).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:50].strip("_")
    if not name or name[0].isdigit() or keyword.iskeyword(name):
        name = f"field_{name}".strip("_")
    return name


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
