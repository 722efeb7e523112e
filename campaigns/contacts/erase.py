"""Erasing a person (rule G1): everything goes but a keyed hash, which keeps mail from ever being sent again."""

from datetime import datetime

from sqlalchemy import delete, or_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.sql import cast, exists, literal

from campaigns.contacts.save import get_contact
from campaigns.contacts.suppress import suppress
from campaigns.models.contact import Contact
from campaigns.models.contact_import import ImportProblem
from campaigns.models.engagement import Engagement, EngagementEntry, ScoreDue
from campaigns.models.event import Event
from campaigns.models.membership import Membership
from campaigns.models.message import Message, MessageAttempt
from campaigns.models.outbox import OutboxMail
from campaigns.models.suppression import SuppressionReason


def erase_contact(session: Session, *, contact_id: int, source: str, now: datetime) -> None:
    """Erase a contact for good; raises ``ContactNotFound``.

    Messages keep their place and result, so that reports still add up, but no address; events keep what happened in
    a campaign, but not who it was, nor from where. The address stands in the suppression under its keyed hash,
    without a hint.
    """
    contact = get_contact(session, contact_id=contact_id)
    session.refresh(contact, with_for_update=True)
    suppress(
        session,
        address_hash=contact.address_hash,
        reason=SuppressionReason.erased,
        source=source,
        hint="",
        now=now,
    )
    _blank_messages(session, contact_id)
    session.execute(update(Event).where(Event.contact_id == contact_id).values(contact_id=None, features={}, data={}))
    for table in (EngagementEntry, Engagement, ScoreDue, Membership):
        session.execute(delete(table).where(table.contact_id == contact_id))
    _forget_address(session, contact.email)
    session.execute(delete(Contact).where(Contact.id == contact_id))
    session.expunge(contact)


def _blank_messages(session: Session, contact_id: int) -> None:
    of_contact = exists().where(
        Message.campaign_id == MessageAttempt.campaign_id,
        Message.seq == MessageAttempt.seq,
        Message.contact_id == contact_id,
    )
    session.execute(delete(MessageAttempt).where(of_contact))
    session.execute(update(Message).where(Message.contact_id == contact_id).values(email="", reason_detail=None))


def _forget_address(session: Session, email: str) -> None:
    """Import reports name addresses of values that were dropped; system mails were sent to one."""
    session.execute(
        delete(ImportProblem).where(
            ImportProblem.rejected.is_(False), ImportProblem.row == cast(literal([email], JSONB), JSONB)
        )
    )
    session.execute(delete(OutboxMail).where(or_(OutboxMail.to_email == email, OutboxMail.to_email == email.lower())))
