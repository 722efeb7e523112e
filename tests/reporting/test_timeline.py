"""A contact's history, in order, page by page, nobody else's."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from campaigns.models.campaign import CampaignState
from campaigns.models.contact import Contact
from campaigns.models.engagement import EngagementEntry
from campaigns.models.event import EventKind
from campaigns.models.membership import MembershipState
from campaigns.models.message import MessageState, Reason
from campaigns.reporting.timeline import UnknownCursor, contact_timeline
from tests.builders import make_contact, make_list, make_membership
from tests.reporting.sent_campaign import START, at, event, link, message, sent_campaign


@pytest.fixture
def contact(session: Session) -> Contact:
    """Beside another contact who did much."""
    noise = make_contact(session)
    event(session, message(session, sent_campaign(session), 1, contact_id=noise.id), EventKind.open, 1)
    make_membership(session, mailing_list=make_list(session), contact=noise)
    return make_contact(session, created_at=START - timedelta(days=9))


def test_what_was_sent_and_what_came_back_stand_in_order(session: Session, contact: Contact) -> None:
    campaign = sent_campaign(session)
    link(session, campaign, 1, label="Read the guide")
    row = message(session, campaign, 1, contact_id=contact.id)
    event(session, row, EventKind.open, 5)
    event(session, row, EventKind.click, 6, link=1, settled_at=None)
    items = contact_timeline(session, contact_id=contact.id)
    assert [(item.kind, item.is_settled) for item in items] == [
        ("click", False),
        ("open", True),
        ("message", True),
        ("created", True),
    ]
    assert (items[0].link_label, items[0].campaign_name) == ("Read the guide", "Autumn letter")
    assert items[2].state == MessageState.sent


def test_an_event_shows_what_it_was_worth(session: Session, contact: Contact) -> None:
    campaign = sent_campaign(session)
    row = message(session, campaign, 1, contact_id=contact.id)
    event(session, row, EventKind.open, 5)
    event(session, row, EventKind.open, 6)
    for kind, minutes, weight in ((EventKind.open, 5, 6.0), ("ignored", 60, -2.0)):
        session.add(
            EngagementEntry(
                contact_id=contact.id,
                kind=kind,
                source=f"campaign:{campaign.id}",
                occurred_at=at(minutes),
                weight=weight,
                contribution=weight,
                campaign_id=campaign.id,
                settled_at=at(minutes),
            )
        )
    session.flush()
    items = contact_timeline(session, contact_id=contact.id)
    assert [(item.kind, item.points) for item in items[:3]] == [("ignored", -2.0), ("open", None), ("open", 6.0)]


def test_why_a_message_was_not_sent_is_there_and_what_waits_is_not(session: Session, contact: Contact) -> None:
    skipped = sent_campaign(session, name="Skipped")
    message(
        session, skipped, 1, contact_id=contact.id, state=MessageState.skipped, reason=Reason.unsubscribed, sent_at=None
    )
    waiting = sent_campaign(session, name="Waiting", state=CampaignState.sending)
    message(session, waiting, 1, contact_id=contact.id, state=MessageState.waiting, sent_at=None)
    cancelled = sent_campaign(session, name="Cancelled", state=CampaignState.cancelled)
    message(session, cancelled, 1, contact_id=contact.id, state=MessageState.waiting, sent_at=None)
    messages = [i for i in contact_timeline(session, contact_id=contact.id) if i.kind == "message"]
    assert {(i.campaign_name, i.state, i.reason) for i in messages} == {
        ("Skipped", MessageState.skipped, Reason.unsubscribed),
        ("Cancelled", MessageState.cancelled, Reason.none),
    }


def test_an_unsubscription_is_told_once(session: Session, contact: Contact) -> None:
    row = message(session, sent_campaign(session), 1, contact_id=contact.id)
    for number, minutes in ((1, 30), (2, 40)):
        make_membership(
            session,
            mailing_list=make_list(session, name=f"List {number}"),
            contact=contact,
            state=MembershipState.unsubscribed,
            consent_at=at(-900),
            confirmed_at=at(-800),
            unsubscribed_at=at(minutes),
        )
    event(session, row, EventKind.unsubscribe, 30, source="unsubscribe")
    items = contact_timeline(session, contact_id=contact.id)
    gone = [(item.kind, item.list_name) for item in items if item.kind in ("unsubscribe", "left")]
    assert gone == [("left", "List 2"), ("unsubscribe", None)]
    assert [item.kind for item in items].count("confirmed") == 2


def test_pages_follow_each_other_without_gap_or_repetition_even_at_one_instant(
    session: Session, contact: Contact
) -> None:
    row = message(session, sent_campaign(session), 1, contact_id=contact.id)
    for minutes in (1, 2, 2, 2, 2, 3):
        event(session, row, EventKind.open, minutes)
    whole = contact_timeline(session, contact_id=contact.id)
    paged, before = [], None
    while page := contact_timeline(session, contact_id=contact.id, before=before, limit=2):
        paged += page
        before = page[-1].cursor
    assert [item.key for item in paged] == [item.key for item in whole]
    assert len(whole) == 8


@pytest.mark.parametrize("cursor", ["x", "2026-11-22", "2026-11-22T00:00:00~k", "2026-11-22T00:00:00+00:00~\x00"])
def test_a_made_up_cursor_is_refused(session: Session, contact: Contact, cursor: str) -> None:
    with pytest.raises(UnknownCursor):
        contact_timeline(session, contact_id=contact.id, before=cursor)


def test_an_unknown_contact_has_no_history(session: Session, contact: Contact) -> None:
    assert contact_timeline(session, contact_id=contact.id + 1000) == []
