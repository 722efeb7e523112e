"""Messages, the batches they are sent in, and what servers answered.

A message row is written when the audience is frozen and once more when its result is known. Everything that moves
between (claim, cursor, pause, cancel) happens on about a thousand batch rows.
"""

from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base
from campaigns.models.campaign import Campaign


class MessageState(IntEnum):
    """The stored state. ``waiting`` is shown as *in hand* between hand-over and mark, as *cancelled* in a
    cancelled campaign."""

    waiting = 0
    retry = 1
    sent = 2
    failed = 3
    uncertain = 4
    skipped = 5
    cancelled = 6


class Reason(IntEnum):
    """Why a message is in its state; worded for people in reporting."""

    none = 0
    # skipped when the audience was frozen, or by the window's second look
    unsubscribed = 1
    not_confirmed = 2
    suppressed_complaint = 3
    suppressed_hard_bounce = 4
    suppressed_manual = 5
    suppressed_erased = 6
    suppressed_imported = 7
    left_out_by_segment = 8
    missing_value = 9
    address_needs_smtputf8 = 10
    contact_gone = 11
    no_language = 12
    # failed
    refused_recipient = 20
    refused_content = 21
    gave_up_retrying = 22
    cannot_be_rendered = 23
    # retry
    deferred = 30
    connection_failed = 31
    # uncertain
    connection_lost_after_data = 40
    worker_lost = 41


class Message(Base):
    """One campaign for one contact. Exactly one row, whatever happens."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("contact_id", "campaign_id"),
        {
            "postgresql_with": {
                "fillfactor": 85,
                "autovacuum_vacuum_scale_factor": 0.02,
                "autovacuum_analyze_scale_factor": 0.02,
            }
        },
    )

    campaign_id: Mapped[int] = mapped_column(ForeignKey(Campaign.id), primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    email: Mapped[str]
    state: Mapped[int] = mapped_column(SmallInteger, default=MessageState.waiting)
    reason: Mapped[int] = mapped_column(SmallInteger, default=Reason.none)
    variant: Mapped[int] = mapped_column(SmallInteger, default=0)
    language: Mapped[int] = mapped_column(SmallInteger, default=0)
    provider: Mapped[int] = mapped_column(SmallInteger, default=0)
    revision: Mapped[int] = mapped_column(SmallInteger, default=1)
    sent_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    clicked_at: Mapped[datetime | None]
    machine_opened_at: Mapped[datetime | None]
    machine_clicked_at: Mapped[datetime | None]
    reason_detail: Mapped[str | None]


class BatchState(StrEnum):
    waiting = "waiting"
    sending = "sending"
    done = "done"
    cancelled = "cancelled"


class Batch(Base):
    """A run of seqs that one worker sends at a time.

    ``handed_seq`` is the fence: up to it messages were handed to SMTP, beyond it they are unsent for certain.
    ``marked_seq`` follows it: up to there every result is recorded. Between the two lies the doubt, at most one
    window wide. ``lease_until`` is compared with the database's ``now()`` only.
    """

    __tablename__ = "batch"
    __table_args__ = (
        Index(None, "due_at", postgresql_where="state IN ('waiting', 'sending')"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    campaign_id: Mapped[int] = mapped_column(ForeignKey(Campaign.id), primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_seq: Mapped[int]
    last_seq: Mapped[int]
    handed_seq: Mapped[int]
    marked_seq: Mapped[int]
    state: Mapped[str] = mapped_column(default=BatchState.waiting)
    due_at: Mapped[datetime]
    provider: Mapped[int] = mapped_column(SmallInteger, default=0)
    variant: Mapped[int] = mapped_column(SmallInteger, default=0)
    lease_until: Mapped[datetime | None]
    token: Mapped[UUID | None]
    worker: Mapped[str | None]
    sent: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    deferred: Mapped[int] = mapped_column(default=0)
    uncertain: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[datetime | None]


class MessageRetry(Base):
    """A message to try again: the same fence as a batch, for one message."""

    __tablename__ = "message_retry"
    __table_args__ = (
        ForeignKeyConstraint(["campaign_id", "seq"], ["message.campaign_id", "message.seq"]),
        Index(None, "due_at"),
    )

    campaign_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    due_at: Mapped[datetime]
    attempts: Mapped[int]
    first_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    token: Mapped[UUID | None]
    handed_at: Mapped[datetime | None]
    answer: Mapped[str]


class MessageAttempt(Base):
    """An answer that was not 2xx, in the server's own words."""

    __tablename__ = "message_attempt"
    __table_args__ = (ForeignKeyConstraint(["campaign_id", "seq"], ["message.campaign_id", "message.seq"]),)

    campaign_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    stage: Mapped[str]
    code: Mapped[int | None]
    answer: Mapped[str]
    host: Mapped[str]
