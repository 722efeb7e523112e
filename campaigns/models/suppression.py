"""Addresses that must not be mailed. Outlives the contact, so it holds only a keyed hash."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base


class SuppressionReason(StrEnum):
    complaint = "complaint"
    hard_bounce = "hard_bounce"
    manual = "manual"
    erased = "erased"
    imported = "imported"


class Suppression(Base):
    """``hint`` is a masked address (``j…@example.com``) that a marketer can recognise; empty after an erasure."""

    __tablename__ = "suppression"
    __table_args__ = (Index(None, "created_at", "address_hash"),)

    address_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    reason: Mapped[str]
    source: Mapped[str] = mapped_column(default="")
    hint: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
