"""Durable work: every job that may not be lost has a row here, with state, lease and progress."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base


class WorkState(StrEnum):
    waiting = "waiting"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"


class WorkKind(StrEnum):
    import_contacts = "import_contacts"
    start_campaign = "start_campaign"
    recompute_scores = "recompute_scores"


class Work(Base):
    """One piece of work. ``subject_id`` is the row it works on; at most one open work per kind and subject."""

    __tablename__ = "work"
    __table_args__ = (
        Index(None, "due_at", postgresql_where="state IN ('waiting', 'running')"),
        Index("uq_work_open", "kind", "subject_id", unique=True, postgresql_where="state IN ('waiting', 'running')"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[int]
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(default=WorkState.waiting)
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    token: Mapped[UUID | None]
    progress_done: Mapped[int] = mapped_column(default=0)
    progress_total: Mapped[int | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
