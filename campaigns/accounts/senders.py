"""Senders: a From identity with its company and postal address, which the law wants in every mailing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.accounts.users import normalise_email
from campaigns.errors import InvalidInput, NotFound
from campaigns.models.sender import Sender


class InvalidSender(InvalidInput):
    code = "invalid_sender"


class NoSuchSender(NotFound):
    code = "no_such_sender"


@dataclass(frozen=True)
class SenderFields:
    """What a person can set on a sender. ``reply_to`` empty means that replies go to the From address."""

    from_name: str
    from_email: str
    company: str
    postal_address: str
    reply_to: str = ""
    language: str = "en"


def create_sender(session: Session, *, fields: SenderFields, now: datetime) -> Sender:
    """Return a new sender; raises :class:`InvalidSender` or ``UnusableAddress``."""
    sender = Sender(created_at=now)
    _fill(sender, fields)
    session.add(sender)
    session.flush()
    return sender


def change_sender(session: Session, *, sender_id: int, fields: SenderFields) -> Sender:
    """Return the changed sender; raises :class:`NoSuchSender`, :class:`InvalidSender` or ``UnusableAddress``."""
    sender = get_sender(session, sender_id=sender_id)
    _fill(sender, fields)
    session.flush()
    return sender


def get_sender(session: Session, *, sender_id: int) -> Sender:
    """Return one sender, archived or not; raises :class:`NoSuchSender`."""
    sender = session.get(Sender, sender_id)
    if sender is None:
        raise NoSuchSender("There is no such sender.")
    return sender


def list_senders(session: Session, *, with_archived: bool = False) -> Sequence[Sender]:
    """Return the senders in use, the oldest first; ``with_archived`` those out of use after them."""
    query = select(Sender).order_by(Sender.archived_at.is_not(None), Sender.id)
    return session.scalars(query if with_archived else query.where(Sender.archived_at.is_(None))).all()


def archive_sender(session: Session, *, sender_id: int, now: datetime) -> Sender:
    """Take a sender out of use; mailings that it sent keep it. Raises :class:`NoSuchSender`."""
    sender = get_sender(session, sender_id=sender_id)
    sender.archived_at = sender.archived_at or now
    session.flush()
    return sender


def restore_sender(session: Session, *, sender_id: int) -> Sender:
    """Take an archived sender into use again. Raises :class:`NoSuchSender`."""
    sender = get_sender(session, sender_id=sender_id)
    sender.archived_at = None
    session.flush()
    return sender


def _fill(sender: Sender, fields: SenderFields) -> None:
    for name in ("from_name", "company", "postal_address"):
        if not getattr(fields, name).strip():
            raise InvalidSender("Please fill this in: it stands in every mail.", field=name)
    sender.from_name = " ".join(fields.from_name.split())
    sender.from_email = _address(fields.from_email, "from_email")
    sender.reply_to = _address(fields.reply_to, "reply_to") if fields.reply_to.strip() else None
    sender.company = " ".join(fields.company.split())
    sender.postal_address = "\n".join(line.strip() for line in fields.postal_address.splitlines() if line.strip())
    sender.language = fields.language


def _address(text: str, field: str) -> str:
    try:
        return normalise_email(text)
    except InvalidInput as error:
        raise InvalidSender(str(error), field=field) from error
