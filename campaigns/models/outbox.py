"""System mail: test sends, opt-ins, sign-ins, notices. Never tracked, sent once by an idempotency key."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base
from campaigns.models.campaign import Campaign


class OutboxState(StrEnum):
    waiting = "waiting"
    sent = "sent"
    failed = "failed"
    uncertain = "uncertain"


class OutboxMail(Base):
    __tablename__ = "outbox"
    __table_args__ = (Index(None, "due_at", postgresql_where="state = 'waiting'"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    to_email: Mapped[str]
    envelope_from: Mapped[str]
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(default=OutboxState.waiting)
    campaign_id: Mapped[int | None] = mapped_column(ForeignKey(Campaign.id, ondelete="SET NULL"))
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    token: Mapped[UUID | None]
    handed_at: Mapped[datetime | None]
    answer: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
