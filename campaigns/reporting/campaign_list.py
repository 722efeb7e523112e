"""Campaigns in a list, with the few numbers that tell them apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.mailing_list import MailingList
from campaigns.models.message import MessageState

SAMPLED_MESSAGES = 4000
"""Up to so many messages a campaign's numbers in the list are exact; above it they are an estimate from that many
evenly spaced ones (standard error under 0.8 points of a percentage), so that a page of large campaigns stays quick."""


@dataclass(frozen=True)
class CampaignNumbers:
    """People, exact unless ``is_estimate``."""

    handed_over: int
    opened: int
    clicked: int
    is_estimate: bool

    def share(self, people: int) -> float | None:
        return people / self.handed_over if self.handed_over else None


@dataclass(frozen=True)
class CampaignRow:
    """One campaign in a list. ``numbers`` is ``None`` before its audience was frozen."""

    campaign_id: int
    name: str
    state: CampaignState
    list_id: int
    list_name: str
    created_at: datetime
    updated_at: datetime
    planned_local: datetime | None
    planned_zone: str | None
    due_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    candidates: int | None
    numbers: CampaignNumbers | None


@dataclass(frozen=True)
class CampaignPage:
    """A page of campaigns, the newest first; ``next_id`` goes into ``before_id`` for the following page."""

    rows: tuple[CampaignRow, ...]
    next_id: int | None


def list_campaigns(
    session: Session,
    *,
    states: Sequence[str] = (),
    search: str = "",
    before_id: int | None = None,
    limit: int = 25,
) -> CampaignPage:
    """Return campaigns by state (any when empty) and by a part of their name."""
    query = (
        select(Campaign, MailingList.name)
        .join(MailingList, MailingList.id == Campaign.list_id)
        .where(Campaign.archived_at.is_(None))
        .order_by(Campaign.created_at.desc(), Campaign.id.desc())
        .limit(limit + 1)
    )
    if states:
        query = query.where(Campaign.state.in_(states))
    if search.strip():
        query = query.where(Campaign.name.icontains(search.strip().replace("\x00", ""), autoescape=True))
    if before_id is not None:
        edge = select(Campaign.created_at).where(Campaign.id == before_id).scalar_subquery()
        query = query.where(tuple_(Campaign.created_at, Campaign.id) < tuple_(edge, before_id))
    found = session.execute(query).all()
    numbers = _numbers(session, [campaign.id for campaign, _ in found[:limit]])
    rows = tuple(_row(campaign, list_name, numbers.get(campaign.id)) for campaign, list_name in found[:limit])
    return CampaignPage(rows, rows[-1].campaign_id if len(found) > limit else None)


def count_by_state(session: Session) -> dict[CampaignState, int]:
    """Return how many campaigns are in each state; states without one are left out."""
    query = select(Campaign.state, func.count()).where(Campaign.archived_at.is_(None)).group_by(Campaign.state)
    return {CampaignState(row[0]): row[1] for row in session.execute(query)}


def _row(campaign: Campaign, list_name: str, numbers: CampaignNumbers | None) -> CampaignRow:
    return CampaignRow(
        campaign_id=campaign.id,
        name=campaign.name,
        state=CampaignState(campaign.state),
        list_id=campaign.list_id,
        list_name=list_name,
        created_at=campaign.created_at,
        updated_at=campaign.updated_at,
        planned_local=campaign.planned_local,
        planned_zone=campaign.planned_zone,
        due_at=campaign.due_at,
        started_at=campaign.started_at,
        finished_at=campaign.finished_at,
        candidates=campaign.candidates,
        numbers=numbers,
    )


def _numbers(session: Session, campaign_ids: Sequence[int]) -> dict[int, CampaignNumbers]:
    """Seqs run from 1 without a gap, so every n-th of them is an even sample."""
    query = text("""
        SELECT c.id, seen.step, seen.sent, seen.opened, seen.clicked
        FROM campaign c CROSS JOIN LATERAL (
            SELECT step, count(*) FILTER (WHERE m.state = :sent) AS sent,
                   count(m.opened_at) AS opened, count(m.clicked_at) AS clicked
            FROM (SELECT greatest(1, c.candidates / :sample) AS step) AS s
            CROSS JOIN generate_series(1, c.candidates, s.step) AS wanted(seq)
            JOIN message m ON m.campaign_id = c.id AND m.seq = wanted.seq
            GROUP BY step
        ) AS seen
        WHERE c.id = ANY(:ids) AND c.candidates > 0
    """)
    rows = session.execute(
        query, {"ids": list(campaign_ids), "sample": SAMPLED_MESSAGES, "sent": int(MessageState.sent)}
    )
    return {
        row.id: CampaignNumbers(row.sent * row.step, row.opened * row.step, row.clicked * row.step, row.step > 1)
        for row in rows
    }
