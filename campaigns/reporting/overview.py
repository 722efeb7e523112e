"""What a marketer should look at first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.message import Batch

LOOK_BACK = timedelta(days=14)


class NeedKind(StrEnum):
    """In the order in which they are shown: what stands still first, then what went wrong, then what moves."""

    held = "held"
    uncertain = "uncertain"
    paused = "paused"
    sending = "sending"
    scheduled = "scheduled"
    draft = "draft"


@dataclass(frozen=True)
class Need:
    """One campaign that wants a look. ``count`` is people where the kind counts some: uncertain or failed."""

    kind: NeedKind
    campaign_id: int
    campaign_name: str
    at: datetime
    count: int = 0
    planned_local: datetime | None = None
    planned_zone: str | None = None


_KIND_OF_STATE = {
    CampaignState.held: NeedKind.held,
    CampaignState.paused: NeedKind.paused,
    CampaignState.starting: NeedKind.sending,
    CampaignState.sending: NeedKind.sending,
    CampaignState.scheduled: NeedKind.scheduled,
}


def what_needs_me(session: Session, *, now: datetime, drafts: int = 3) -> tuple[Need, ...]:
    """Return the campaigns that are held, uncertain, paused, being sent or planned, and the latest few drafts."""
    order = {kind: place for place, kind in enumerate(NeedKind)}
    needs = [*_open_campaigns(session), *_uncertain(session, now), *_drafts(session, drafts)]
    return tuple(sorted(needs, key=lambda need: (order[need.kind], need.at)))


def latest_sent(session: Session) -> int | None:
    """Return the id of the campaign that was started last, or ``None`` when none ever was."""
    query = select(Campaign.id).where(Campaign.started_at.is_not(None), Campaign.archived_at.is_(None))
    return session.scalar(query.order_by(Campaign.started_at.desc()).limit(1))


def _open_campaigns(session: Session) -> list[Need]:
    query = select(Campaign).where(
        Campaign.state.in_([state.value for state in _KIND_OF_STATE]), Campaign.archived_at.is_(None)
    )
    return [
        Need(
            kind=_KIND_OF_STATE[CampaignState(campaign.state)],
            campaign_id=campaign.id,
            campaign_name=campaign.name,
            at=campaign.due_at or campaign.started_at or campaign.updated_at,
            planned_local=campaign.planned_local,
            planned_zone=campaign.planned_zone,
        )
        for campaign in session.scalars(query)
    ]


def _uncertain(session: Session, now: datetime) -> list[Need]:
    """Nobody re-sends an uncertain message, so somebody has to decide; for two weeks it is worth asking."""
    count = func.sum(Batch.uncertain)
    query = (
        select(Campaign.id, Campaign.name, func.coalesce(Campaign.started_at, now), count)
        .join(Batch, Batch.campaign_id == Campaign.id)
        .where(Campaign.started_at > now - LOOK_BACK, Campaign.archived_at.is_(None))
        .group_by(Campaign.id)
        .having(count > 0)
    )
    return [Need(NeedKind.uncertain, row[0], row[1], row[2], row[3]) for row in session.execute(query)]


def _drafts(session: Session, limit: int) -> list[Need]:
    query = (
        select(Campaign)
        .where(Campaign.state == CampaignState.draft, Campaign.archived_at.is_(None))
        .order_by(Campaign.updated_at.desc())
        .limit(limit)
    )
    return [Need(NeedKind.draft, row.id, row.name, row.updated_at) for row in session.scalars(query)]
