"""Campaigns, what they say (revisions and contents), and their links."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, ForeignKey, ForeignKeyConstraint, Identity, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from campaigns.db import Base
from campaigns.models.mailing_list import MailingList
from campaigns.models.segment import Segment
from campaigns.models.sender import Sender
from campaigns.models.user import User


class CampaignState(StrEnum):
    """Where a campaign stands; the moves between are in lifecycle.py's one transition table."""

    draft = "draft"
    scheduled = "scheduled"
    starting = "starting"
    sending = "sending"
    paused = "paused"
    held = "held"
    sent = "sent"
    cancelled = "cancelled"


class Campaign(Base):
    """One mailing on behalf of exactly one list.

    ``planned_local`` + ``planned_zone`` are the wall time a person chose; ``due_at`` is the instant derived from
    them. ``candidates`` and ``skipped`` are filled when the audience is frozen. ``version`` grows with each save
    and refuses a save that was made from an older one. ``tracking_mode`` is copied from the list at the start.
    """

    __tablename__ = "campaign"
    __table_args__ = (
        Index(None, "due_at", postgresql_where="state = 'scheduled'"),
        Index(None, "created_at", "id"),
        Index(None, "list_id"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    name: Mapped[str]
    list_id: Mapped[int] = mapped_column(ForeignKey(MailingList.id))
    sender_id: Mapped[int] = mapped_column(ForeignKey(Sender.id))
    state: Mapped[str] = mapped_column(default=CampaignState.draft)
    version: Mapped[int] = mapped_column(default=1)
    revision: Mapped[int] = mapped_column(default=1)
    default_language: Mapped[str]
    tracking_mode: Mapped[str | None]
    planned_local: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    planned_zone: Mapped[str | None]
    due_at: Mapped[datetime | None]
    hold_reason: Mapped[str | None]
    hold_params: Mapped[dict[str, Any] | None]
    candidates: Mapped[int | None]
    skipped: Mapped[dict[str, Any] | None]
    created_by: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    frozen_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]


class CampaignSegment(Base):
    """A segment that the campaign's audience takes in, or leaves out."""

    __tablename__ = "campaign_segment"
    __table_args__ = (Index(None, "segment_id"),)

    campaign_id: Mapped[int] = mapped_column(ForeignKey(Campaign.id, ondelete="CASCADE"), primary_key=True)
    segment_id: Mapped[int] = mapped_column(ForeignKey(Segment.id), primary_key=True)
    excluded: Mapped[bool]


class Revision(Base):
    """One version of what a campaign says. Once ``frozen_at`` is set it never changes; an edit makes the next."""

    __tablename__ = "revision"

    campaign_id: Mapped[int] = mapped_column(ForeignKey(Campaign.id, ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    created_at: Mapped[datetime]
    frozen_at: Mapped[datetime | None]


class Content(Base):
    """Subject, preheader and body of a revision for one variant and language."""

    __tablename__ = "content"
    __table_args__ = (
        ForeignKeyConstraint(
            ["campaign_id", "revision"], ["revision.campaign_id", "revision.number"], ondelete="CASCADE"
        ),
    )

    campaign_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    variant: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    language: Mapped[str] = mapped_column(primary_key=True)
    language_code: Mapped[int] = mapped_column(SmallInteger)
    subject: Mapped[str]
    preheader: Mapped[str]
    body_format: Mapped[str]
    body: Mapped[str]
    updated_at: Mapped[datetime]


class CompiledTemplate(Base):
    """What the compiler made of a content: the wire template as bytes of JSON, read once per worker."""

    __tablename__ = "compiled_template"
    __table_args__ = (
        ForeignKeyConstraint(
            ["campaign_id", "revision", "variant", "language"],
            ["content.campaign_id", "content.revision", "content.variant", "content.language"],
            ondelete="CASCADE",
        ),
    )

    campaign_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    variant: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    language: Mapped[str] = mapped_column(primary_key=True)
    template: Mapped[bytes] = mapped_column(LargeBinary)
    compiled_at: Mapped[datetime]


class CampaignLink(Base):
    """A tracked link of a campaign, numbered over all its contents."""

    __tablename__ = "campaign_link"

    campaign_id: Mapped[int] = mapped_column(ForeignKey(Campaign.id, ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    target: Mapped[str]
    label: Mapped[str]
