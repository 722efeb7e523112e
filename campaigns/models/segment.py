"""Segments: saved rules, evaluated when used."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base
from campaigns.models.user import User


class Segment(Base):
    """``rules`` is a tree: ``{"match": "all"|"any", "rules": [rule or group, …]}`` (segments/rules.py)."""

    __tablename__ = "segment"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    rules: Mapped[dict[str, Any]]
    created_by: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]
