"""A campaign's numbers against rows counted by hand."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.event import EventKind, Verdict
from campaigns.models.message import MessageState, Reason
from campaigns.reporting.campaign_report import Engaged, NothingToReport, ReasonCount, campaign_report
from tests.builders import make_list
from tests.reporting.sent_campaign import at, event, message, sent_campaign

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.fixture
def campaign(session: Session) -> Campaign:
    """Beside another campaign in which everybody did everything."""
    noise = sent_campaign(session, name="Noise")
    row = message(session, noise, 1, opened_at=at(1), clicked_at=at(2), machine_opened_at=at(0))
    for kind in EventKind:
        event(session, row, kind, 3)
        event(session, row, kind, 4, settled_at=None)
    return sent_campaign(session)


def test_everybody_is_in_exactly_one_place(session: Session, campaign: Campaign) -> None:
    message(session, campaign, 1)
    message(session, campaign, 2)
    message(session, campaign, 3, state=MessageState.failed, reason=Reason.refused_recipient)
    message(session, campaign, 4, state=MessageState.uncertain, reason=Reason.worker_lost)
    message(session, campaign, 5, state=MessageState.waiting, sent_at=None)
    message(session, campaign, 6, state=MessageState.retry, reason=Reason.deferred, sent_at=None)
    for seq, reason in ((7, Reason.unsubscribed), (8, Reason.unsubscribed), (9, Reason.missing_value)):
        message(session, campaign, seq, state=MessageState.skipped, reason=reason, sent_at=None)
    report = campaign_report(session, campaign_id=campaign.id, now=NOW)
    assert (report.candidates, report.handed_over, report.failed, report.uncertain) == (9, 2, 1, 1)
    assert (report.waiting, report.skipped, report.cancelled) == (2, 3, 0)
    assert report.reasons_for(MessageState.skipped) == (
        ReasonCount(MessageState.skipped, Reason.unsubscribed, 2),
        ReasonCount(MessageState.skipped, Reason.missing_value, 1),
    )


def test_who_was_still_waiting_in_a_cancelled_campaign_is_cancelled(session: Session, campaign: Campaign) -> None:
    campaign.state = CampaignState.cancelled
    message(session, campaign, 1)
    message(session, campaign, 2, state=MessageState.waiting)
    message(session, campaign, 3, state=MessageState.cancelled)
    report = campaign_report(session, campaign_id=campaign.id, now=NOW)
    assert (report.handed_over, report.waiting, report.cancelled) == (1, 0, 2)


def test_people_machines_and_the_unsettled_are_counted_apart(session: Session, campaign: Campaign) -> None:
    twice = message(session, campaign, 1, opened_at=at(5), machine_opened_at=at(1))
    machine = message(session, campaign, 2, machine_opened_at=at(1))
    undecided = message(session, campaign, 3)
    message(session, campaign, 4)
    event(session, twice, EventKind.open, 1, verdict=Verdict.machine)
    event(session, twice, EventKind.open, 5)
    event(session, twice, EventKind.open, 9)
    event(session, twice, EventKind.open, 10, settled_at=None)
    event(session, machine, EventKind.open, 1, verdict=Verdict.machine)
    event(session, undecided, EventKind.open, 2, settled_at=None)
    event(session, undecided, EventKind.open, 3, settled_at=None)
    report = campaign_report(session, campaign_id=campaign.id, now=NOW)
    assert report.opened == Engaged(people=1, machine_only=1, settling=1, total=2)
    assert report.clicked == Engaged()
    assert report.share(report.opened.people) == 0.25


def test_clicks_have_numbers_of_their_own(session: Session, campaign: Campaign) -> None:
    clicker = message(session, campaign, 1, opened_at=at(1), clicked_at=at(2))
    scanner = message(session, campaign, 2, machine_clicked_at=at(0), machine_opened_at=at(0))
    event(session, clicker, EventKind.click, 2, link=1)
    event(session, clicker, EventKind.click, 3, link=2)
    event(session, scanner, EventKind.click, 0, verdict=Verdict.machine)
    event(session, scanner, EventKind.click, 7, settled_at=None)
    report = campaign_report(session, campaign_id=campaign.id, now=NOW)
    assert report.clicked == Engaged(people=1, machine_only=1, settling=1, total=2)
    assert (report.opened.people, report.opened.settling) == (1, 0)


def test_who_left_complained_or_answered_counts_once_as_a_person(session: Session, campaign: Campaign) -> None:
    row, other = message(session, campaign, 1), message(session, campaign, 2)
    for minutes in (5, 6):
        event(session, row, EventKind.unsubscribe, minutes, source="unsubscribe")
    event(session, other, EventKind.unsubscribe, 7, source="unsubscribe")
    event(session, row, EventKind.complaint, 8)
    event(session, row, EventKind.bounce, 9)
    event(session, other, EventKind.reply, 9)
    report = campaign_report(session, campaign_id=campaign.id, now=NOW)
    assert (report.unsubscribed, report.complained, report.bounced, report.replied) == (2, 1, 1, 1)


def test_an_unsubscription_that_was_taken_back_is_none(session: Session, campaign: Campaign) -> None:
    undone, torn = message(session, campaign, 1), message(session, campaign, 2)
    event(session, undone, EventKind.unsubscribe, 5, source="unsubscribe")
    event(session, undone, EventKind.resubscribe, 6, source="resubscribe")
    event(session, torn, EventKind.resubscribe, 6, source="resubscribe")
    event(session, torn, EventKind.unsubscribe, 7, source="unsubscribe")
    assert campaign_report(session, campaign_id=campaign.id, now=NOW).unsubscribed == 1


def test_a_share_of_nobody_is_no_number(session: Session, campaign: Campaign) -> None:
    assert campaign_report(session, campaign_id=campaign.id, now=NOW).share(0) is None


def test_a_campaign_that_does_not_exist_has_no_report(session: Session) -> None:
    make_list(session)
    with pytest.raises(NothingToReport):
        campaign_report(session, campaign_id=404, now=NOW)
