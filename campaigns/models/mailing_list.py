"""Lists: what a contact subscribes to."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base
from campaigns.models.sender import Sender


class TrackingMode(StrEnum):
    """How much a list may know of its readers (rule G2)."""

    none = "none"
    aggregate = "aggregate"
    individual = "individual"


class MailingList(Base):
    """A list. ``list_id`` is the stable left part of the List-Id header (RFC 2919).

    ``tracking_needs_consent``: individual tracking only for members who consented to it.
    """

    __tablename__ = "list"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    list_id: Mapped[str] = mapped_column(unique=True)
    sender_id: Mapped[int | None] = mapped_column(ForeignKey(Sender.id))
    tracking_mode: Mapped[str] = mapped_column(default=TrackingMode.individual)
    tracking_needs_consent: Mapped[bool] = mapped_column(default=False)
    double_opt_in: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
