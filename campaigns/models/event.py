"""Events: what contacts did and what happened to messages. Partitioned by month on ``occurred_at``."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base


class EventKind(StrEnum):
    open = "open"
    click = "click"
    bounce = "bounce"
    complaint = "complaint"
    subscribe = "subscribe"
    unsubscribe = "unsubscribe"
    resubscribe = "resubscribe"
    reply = "reply"
    purchase = "purchase"
    page_view = "page_view"
    custom = "custom"


class Verdict(StrEnum):
    person = "person"
    machine = "machine"


class Event(Base):
    """One event, known by (``occurred_at``, ``source``, ``source_id``): the same fact twice is one row.

    ``verdict`` may change until ``settled_at`` is set (and by a re-judging after it); ``verdict_reason`` is a code
    with ``verdict_params``. Only settled human events move scores, segments and winners.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index(None, "contact_id", "occurred_at"),
        Index(None, "campaign_id", "kind", "occurred_at"),
        Index(None, "settles_at", postgresql_where="settled_at IS NULL"),
        Index(
            "ix_event_kind_contact_id_occurred_at",
            "kind",
            "contact_id",
            "occurred_at",
            postgresql_where="verdict = 'person' AND settled_at IS NOT NULL",
        ),
        {"postgresql_partition_by": "RANGE (occurred_at)"},
    )

    occurred_at: Mapped[datetime] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    contact_id: Mapped[int | None] = mapped_column(BigInteger)
    campaign_id: Mapped[int | None]
    seq: Mapped[int | None]
    link: Mapped[int | None] = mapped_column(SmallInteger)
    verdict: Mapped[str | None]
    verdict_reason: Mapped[str | None]
    verdict_params: Mapped[dict[str, Any] | None]
    verdict_version: Mapped[int | None] = mapped_column(SmallInteger)
    settles_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    features: Mapped[dict[str, Any]] = mapped_column(default=dict)
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
