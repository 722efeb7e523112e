"""A list with people, and a campaign in every state."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.ids import encode_id
from campaigns.models.campaign import Campaign, CampaignState, Revision
from campaigns.models.mailing_list import MailingList
from campaigns.models.message import Batch, MessageState, Reason
from campaigns.models.sender import Sender
from tests.builders import make_campaign, make_list, make_member, make_sender
from tests.reporting.sent_campaign import link, message

STARTED = (CampaignState.sending, CampaignState.paused, CampaignState.sent, CampaignState.cancelled)


@dataclass(frozen=True)
class Room:
    """What the tests write about; ``member_id`` is the list's first member."""

    mailing_list: MailingList
    sender: Sender
    member_id: int

    def campaign(self, session: Session, state: str = CampaignState.draft, **columns: Any) -> Campaign:
        """A campaign with everything that a campaign of that state has."""
        now = clock.now()
        if state == CampaignState.scheduled:
            plan = {"planned_local": datetime(2030, 1, 2, 9), "planned_zone": "Europe/London"}  # noqa: DTZ001
            columns = {"due_at": now + timedelta(days=900), **plan, **columns}
        if state == CampaignState.held:
            columns = {"hold_reason": "late", "hold_params": {}, **columns}
        if state in STARTED:
            columns = {"started_at": now, "frozen_at": now, "tracking_mode": "individual", "candidates": 3, **columns}
        made = make_campaign(session, mailing_list=self.mailing_list, sender=self.sender, state=state, **columns)
        if state in STARTED:
            self._freeze(session, made, now)
        return made

    def _freeze(self, session: Session, made: Campaign, now: datetime) -> None:
        session.get_one(Revision, (made.id, 1)).frozen_at = now
        link(session, made, 1, label="Read on")
        message(session, made, 1, contact_id=self.member_id, email="ada@example.com", opened_at=now, sent_at=now)
        refused = {"state": MessageState.failed, "reason": Reason.refused_recipient, "sent_at": None}
        message(session, made, 2, email="gone@example.com", reason_detail="550 user unknown", **refused)
        message(session, made, 3, state=MessageState.skipped, reason=Reason.unsubscribed, sent_at=None)
        span = {"first_seq": 1, "last_seq": 2, "handed_seq": 2, "marked_seq": 2, "due_at": now}
        session.add(Batch(campaign_id=made.id, number=1, state="done", sent=1, failed=1, updated_at=now, **span))
        session.flush()


@pytest.fixture
def room(session: Session) -> Room:
    mailing_list, sender = make_list(session, name="Garden letter"), make_sender(session)
    member = make_member(session, mailing_list=mailing_list, email="ada@example.com")
    make_member(session, mailing_list=mailing_list, email="grace@example.com", given_name="Grace")
    return Room(mailing_list, sender, member.id)


def public(campaign: Campaign) -> str:
    return encode_id("campaign", campaign.id)
