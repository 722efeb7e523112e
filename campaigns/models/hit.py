"""Hits: raw requests for a pixel or a link, shipped once each by their id."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base


class HitKind(StrEnum):
    open = "open"
    click = "click"


class Hit(Base):
    """One request. ``received_at`` is the time inside the UUIDv7 ``id``, so it never changes on a second shipping.

    ``address`` is None where no network evidence exists (loopback, private, undeclared proxy). Partitioned by
    month on ``received_at``.
    """

    __tablename__ = "hit"
    __table_args__ = (
        Index(None, "received_at", postgresql_where="ingested_at IS NULL"),
        {"postgresql_partition_by": "RANGE (received_at)"},
    )

    received_at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    campaign_id: Mapped[int]
    seq: Mapped[int]
    link: Mapped[int | None] = mapped_column(SmallInteger)
    method: Mapped[str]
    address: Mapped[str | None]
    user_agent: Mapped[str]
    purpose: Mapped[str]
    from_inbox: Mapped[bool]
    ingested_at: Mapped[datetime | None]
