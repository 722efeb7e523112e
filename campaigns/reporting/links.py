"""Which link brought how many people."""

from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import CampaignLink
from campaigns.models.event import Event, EventKind, Verdict


@dataclass(frozen=True)
class LinkClicks:
    """One link of a campaign. ``people`` clicked it at least once, ``clicks`` counts each of their clicks;
    ``machine_clicks`` and ``settling`` clicks are in neither."""

    number: int
    label: str
    target: str
    people: int
    clicks: int
    machine_clicks: int
    settling: int


def link_report(session: Session, *, campaign_id: int) -> list[LinkClicks]:
    """Return every tracked link of the campaign, those with the most people first, then in the mail's order."""
    is_settled = Event.settled_at.is_not(None)
    is_person = and_(is_settled, Event.verdict == Verdict.person)
    counts = (
        select(
            Event.link.label("link"),
            func.count(Event.seq.distinct()).filter(is_person).label("people"),
            func.count().filter(is_person).label("clicks"),
            func.count().filter(and_(is_settled, Event.verdict == Verdict.machine)).label("machine_clicks"),
            func.count().filter(~is_settled).label("settling"),
        )
        .where(Event.campaign_id == campaign_id, Event.kind == EventKind.click)
        .group_by(Event.link)
        .subquery()
    )
    query = (
        select(
            CampaignLink.number,
            CampaignLink.label,
            CampaignLink.target,
            func.coalesce(counts.c.people, 0),
            func.coalesce(counts.c.clicks, 0),
            func.coalesce(counts.c.machine_clicks, 0),
            func.coalesce(counts.c.settling, 0),
        )
        .outerjoin(counts, counts.c.link == CampaignLink.number)
        .where(CampaignLink.campaign_id == campaign_id)
        .order_by(func.coalesce(counts.c.people, 0).desc(), CampaignLink.number)
    )
    return [LinkClicks(*row) for row in session.execute(query)]
