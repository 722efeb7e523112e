"""Campaigns: written, checked, sent, paused, reported."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.accounts.audit import Actor
from campaigns.composing import drafts
from campaigns.composing.editing import get_campaign as find_campaign
from campaigns.composing.editing import lock_campaign
from campaigns.ids import decode_id, encode_id
from campaigns.models.campaign import Campaign
from web.api.operation import Operations
from web.api.paging import PageQuery, make_cursor, read_cursor
from web.api.shape import Answer, Input, Instant

operations = Operations("campaigns")


class SegmentsIn(Input):
    """Which segments the audience takes in (any of them; none = the whole list) and leaves out."""

    include: list[str] = Field(default_factory=list)
    exclude: list[str] = Field(default_factory=list)


class ContentIn(Input):
    """What a campaign says in one language."""

    language: str | None = Field(None, description="A BCP 47 tag; the campaign's default language when left out.")
    subject: str
    preheader: str = ""
    body_format: Literal["mjml", "html", "text"] = "mjml"
    body: str


class CampaignIn(Input):
    """A new draft. Content left out is taken from the template (a starter)."""

    name: str
    list: str = Field(description="The list on whose behalf it is sent.")
    sender: str
    template: str = Field("newsletter", description="The starter that fills what `content` leaves out.")
    content: ContentIn | None = None
    segments: SegmentsIn | None = None


class CampaignChange(Input):
    name: str | None = None
    list: str | None = None
    sender: str | None = None
    content: ContentIn | None = None
    segments: SegmentsIn | None = None
    version: int | None = Field(None, description="The version you read; a save in between is then refused with 409.")


class ContentOut(Answer):
    language: str
    variant: int
    revision: int
    subject: str
    preheader: str
    body_format: str
    body: str


class SegmentsOut(Answer):
    include: list[str]
    exclude: list[str]


class CampaignSummary(Answer):
    id: str
    name: str
    state: str
    list: str
    sender: str
    version: int
    revision: int
    created_at: Instant
    updated_at: Instant
    scheduled_local: str | None
    scheduled_zone: str | None
    due_at: Instant | None
    started_at: Instant | None
    finished_at: Instant | None
    hold_reason: str | None
    hold_params: dict[str, Any] | None


class CampaignOut(CampaignSummary):
    contents: list[ContentOut]
    segments: SegmentsOut


class CampaignsOut(Answer):
    items: list[CampaignSummary]
    next_cursor: str | None


class CampaignQuery(PageQuery):
    state: str | None = Field(None, description="draft, scheduled, starting, sending, paused, held, sent or cancelled.")


def summarise(campaign: Campaign) -> CampaignSummary:
    same = ("name", "state", "version", "revision", "created_at", "updated_at", "due_at", "started_at", "finished_at")
    return CampaignSummary.model_validate(
        {
            **{name: getattr(campaign, name) for name in (*same, "hold_reason", "hold_params")},
            "id": encode_id("campaign", campaign.id),
            "list": encode_id("list", campaign.list_id),
            "sender": encode_id("sender", campaign.sender_id),
            "scheduled_local": campaign.planned_local.isoformat() if campaign.planned_local else None,
            "scheduled_zone": campaign.planned_zone,
        }
    )


def show(session: Session, campaign: Campaign) -> CampaignOut:
    session.refresh(campaign)
    chosen = drafts.chosen_segments(session, campaign_id=campaign.id)
    return CampaignOut(
        **summarise(campaign).model_dump(),
        contents=[
            ContentOut.model_validate(content) for content in drafts.current_contents(session, campaign_id=campaign.id)
        ],
        segments=SegmentsOut(
            include=[encode_id("segment", row.id) for row, excluded in chosen if not excluded],
            exclude=[encode_id("segment", row.id) for row, excluded in chosen if excluded],
        ),
    )


@operations.get("/campaigns")
def list_campaigns(session: Session, *, query: CampaignQuery) -> CampaignsOut:
    """List campaigns, the newest first."""
    rows = select(Campaign).where(Campaign.archived_at.is_(None)).order_by(Campaign.id.desc()).limit(query.limit + 1)
    if query.state is not None:
        rows = rows.where(Campaign.state == query.state)
    position = read_cursor(query.cursor, int)
    if position is not None:
        rows = rows.where(Campaign.id < position[0])
    found = list(session.scalars(rows))
    more = make_cursor(found[query.limit - 1].id) if len(found) > query.limit else None
    return CampaignsOut(items=[summarise(row) for row in found[: query.limit]], next_cursor=more)


@operations.get("/campaigns/{campaign_id}")
def get_campaign(session: Session, *, campaign_id: str) -> CampaignOut:
    """Show one campaign with what it says and whom it is for."""
    return show(session, _find(session, campaign_id))


@operations.post("/campaigns", status=201, idempotent=True)
def create_campaign(session: Session, *, actor: Actor, body: CampaignIn, now: datetime) -> CampaignOut:
    """Make a draft."""
    campaign = drafts.create_campaign(
        session,
        name=body.name,
        list_id=decode_id("list", body.list),
        sender_id=decode_id("sender", body.sender),
        now=now,
        created_by=actor.user_id,
        starter=body.template,
    )
    _apply(session, campaign, body.content, body.segments, None, now)
    return show(session, campaign)


@operations.patch("/campaigns/{campaign_id}")
def change_campaign(session: Session, *, campaign_id: str, body: CampaignChange, now: datetime) -> CampaignOut:
    """Change a draft, or what a paused campaign says to those it has not reached yet."""
    campaign = _find(session, campaign_id)
    if body.version is not None:
        lock_campaign(session, campaign_id=campaign.id, version=body.version)
    if body.name is not None or body.sender is not None:
        drafts.save_details(
            session,
            campaign_id=campaign.id,
            name=body.name if body.name is not None else campaign.name,
            sender_id=decode_id("sender", body.sender) if body.sender else campaign.sender_id,
            version=None,
            now=now,
        )
    _apply(session, campaign, body.content, body.segments, body.list, now)
    return show(session, campaign)


@operations.delete("/campaigns/{campaign_id}")
def delete_campaign(session: Session, *, campaign_id: str) -> None:
    """Throw a draft away."""
    drafts.delete_draft(session, campaign_id=decode_id("campaign", campaign_id))


def _find(session: Session, campaign_id: str) -> Campaign:
    return find_campaign(session, campaign_id=decode_id("campaign", campaign_id))


def _apply(
    session: Session,
    campaign: Campaign,
    content: ContentIn | None,
    segments: SegmentsIn | None,
    list_id: str | None,
    now: datetime,
) -> None:
    if content is not None:
        drafts.save_content(session, campaign_id=campaign.id, version=None, now=now, **content.model_dump())
    if segments is not None or list_id is not None:
        chosen = drafts.chosen_segments(session, campaign_id=campaign.id)
        include = [row.id for row, excluded in chosen if not excluded]
        exclude = [row.id for row, excluded in chosen if excluded]
        if segments is not None:
            include = [decode_id("segment", segment) for segment in segments.include]
            exclude = [decode_id("segment", segment) for segment in segments.exclude]
        drafts.save_audience(
            session,
            campaign_id=campaign.id,
            list_id=decode_id("list", list_id) if list_id else campaign.list_id,
            include_segment_ids=include,
            exclude_segment_ids=exclude,
            now=now,
        )
