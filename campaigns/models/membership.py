"""Membership of a list, with the consent behind it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base
from campaigns.models.contact import Contact
from campaigns.models.mailing_list import MailingList


class MembershipState(StrEnum):
    """pending: double opt-in asked, not answered. confirmed: may be mailed. unsubscribed: said no."""

    pending = "pending"
    confirmed = "confirmed"
    unsubscribed = "unsubscribed"


class Membership(Base):
    """One contact on one list: who agreed to what, where, when (rule G1), and to being tracked or not."""

    __tablename__ = "membership"
    __table_args__ = (Index(None, "contact_id"), Index(None, "list_id", "state"))

    list_id: Mapped[int] = mapped_column(ForeignKey(MailingList.id, ondelete="CASCADE"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(Contact.id, ondelete="CASCADE"), primary_key=True)
    state: Mapped[str]
    source: Mapped[str] = mapped_column(default="")
    consent_text: Mapped[str | None]
    consent_network: Mapped[str | None]
    consent_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    unsubscribed_at: Mapped[datetime | None]
    unsubscribe_source: Mapped[str | None]
    tracking_consent: Mapped[bool | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
