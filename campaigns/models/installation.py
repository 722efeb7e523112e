"""The installation: one row that says whose it is and whether it may send."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Sequence
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base

HANDED_MARK = Sequence("handed_mark", metadata=Base.metadata)
"""Grows with every window handed to SMTP; a data folder that has seen more knows the database went back in time."""


class Installation(Base):
    """Exactly one row, with id 1, made by the first migration."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    database_id: Mapped[UUID]
    organisation: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="en")
    time_zone: Mapped[str] = mapped_column(default="UTC")
    set_up_at: Mapped[datetime | None]
    key_fingerprint: Mapped[str | None]
    address_rule: Mapped[int] = mapped_column(default=1)
    held_at: Mapped[datetime | None]
    hold_reason: Mapped[str | None]
    hold_params: Mapped[dict[str, Any] | None]
    half_life_days: Mapped[float] = mapped_column(default=30.0)
    landmark: Mapped[datetime]
    weights: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Host(Base):
    """A data folder that works on this database. A new folder on a used database with no living host is a move."""

    __tablename__ = "host"

    home_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
