"""A sent campaign made by hand, row by row, so that a test can count on its fingers."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignLink, CampaignState
from campaigns.models.event import Event, Verdict
from campaigns.models.message import Message, MessageState
from tests.builders import make_campaign, make_contact, make_list, make_sender

START = datetime(2026, 11, 20, 9, 20, tzinfo=UTC)
_numbers = itertools.count(1)


def at(minutes: float) -> datetime:
    """The instant so many minutes after the start."""
    return START + timedelta(minutes=minutes)


def sent_campaign(session: Session, **columns: Any) -> Campaign:
    values = {"state": CampaignState.sent, "started_at": START, "frozen_at": START, "tracking_mode": "individual"}
    return make_campaign(
        session, mailing_list=make_list(session), sender=make_sender(session), now=START, **{**values, **columns}
    )


def message(session: Session, campaign: Campaign, seq: int, **columns: Any) -> Message:
    contact_id = columns.pop("contact_id", None) or make_contact(session).id
    values = {"state": MessageState.sent, "email": f"{seq}@example.com", "sent_at": START}
    row = Message(campaign_id=campaign.id, seq=seq, contact_id=contact_id, **{**values, **columns})
    session.add(row)
    session.flush()
    return row


def link(session: Session, campaign: Campaign, number: int, label: str = "Read on") -> None:
    target = f"https://shop.example/{number}"
    session.add(CampaignLink(campaign_id=campaign.id, number=number, target=target, label=label))
    session.flush()


def event(session: Session, row: Message, kind: str, minutes: float, **columns: Any) -> Event:
    """A settled event of a person, unless the columns say otherwise."""
    when = at(minutes)
    values = {"verdict": Verdict.person, "settled_at": when, "source": "hit", "source_id": str(next(_numbers))}
    made = Event(
        occurred_at=when,
        kind=kind,
        contact_id=row.contact_id,
        campaign_id=row.campaign_id,
        seq=row.seq,
        features={},
        data={},
        created_at=when,
        **{**values, **columns},
    )
    session.add(made)
    session.flush()
    return made
