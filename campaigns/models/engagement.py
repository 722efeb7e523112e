"""Engagement: entries, and the score folded from them."""

from datetime import datetime

from sqlalchemy import BigInteger, Double, Index
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base


class EngagementEntry(Base):
    """The earliest settled human event of its group, with its contribution.

    ``contribution`` = weight · 2^((occurred_at − landmark) / half-life): forward decay (Cormode et al., ICDE 2009),
    so the order of sums never changes with time.
    """

    __tablename__ = "engagement_entry"

    contact_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime]
    weight: Mapped[float] = mapped_column(Double)
    contribution: Mapped[float] = mapped_column(Double)
    campaign_id: Mapped[int | None]
    settled_at: Mapped[datetime]


class Engagement(Base):
    """A contact's ``mass``: the sum of its entries' contributions, recomputed whenever an entry changes."""

    __tablename__ = "engagement"
    __table_args__ = (Index(None, "mass"),)

    contact_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    mass: Mapped[float] = mapped_column(Double)
    last_human_at: Mapped[datetime | None]
    first_sent_at: Mapped[datetime | None]
    measured: Mapped[bool]
    updated_at: Mapped[datetime]


class ScoreDue(Base):
    """A contact whose score must be folded again. Written in the transaction of the event that asks for it, so
    that no Redis and no kill can lose it; deleted in the transaction that folds."""

    __tablename__ = "score_due"

    contact_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
