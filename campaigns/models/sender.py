"""Senders: a From identity, its company and postal address."""

from datetime import datetime

from sqlalchemy import Identity
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base


class Sender(Base):
    __tablename__ = "sender"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    from_name: Mapped[str]
    from_email: Mapped[str]
    reply_to: Mapped[str | None]
    company: Mapped[str]
    postal_address: Mapped[str]
    language: Mapped[str] = mapped_column(default="en")
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
