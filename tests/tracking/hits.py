"""Hits for tests, as a spool holds them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from campaigns.hits import make_id
from campaigns.models.campaign import Campaign, CampaignLink
from campaigns.models.contact import Contact
from campaigns.models.message import Message, MessageState
from campaigns.tracking.record import HitRecord

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
GOOGLE = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)


def id_at(at: datetime) -> UUID:
    return make_id(round(at.timestamp() * 1000))


def hit(message: Message, at: datetime, *, link: int | None = None, **other: Any) -> dict[str, Any]:
    """A spooled hit: a click when it has a link, else an open."""
    values: dict[str, Any] = {
        "id": str(id_at(at)),
        "kind": "open" if link is None else "click",
        "campaign": message.campaign_id,
        "seq": message.seq,
        "link": link,
        "method": "GET",
        "address": "198.51.100.7",
        "agent": BROWSER,
        "purpose": "",
        "inbox": False,
    }
    return HitRecord(**{**values, **other}).as_dict()


def make_message(session: Session, campaign: Campaign, contact: Contact, *, seq: int, sent_at: datetime) -> Message:
    message = Message(
        campaign_id=campaign.id,
        seq=seq,
        contact_id=contact.id,
        email=contact.email,
        state=MessageState.sent,
        sent_at=sent_at,
    )
    session.add(message)
    session.flush()
    return message


def make_links(session: Session, campaign: Campaign, count: int) -> None:
    for number in range(1, count + 1):
        session.add(
            CampaignLink(campaign_id=campaign.id, number=number, target=f"https://shop.example/{number}", label="")
        )
    session.flush()


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
