"""Clicks per link, and the first two days hour by hour."""

from datetime import timedelta

from sqlalchemy.orm import Session

from campaigns.models.event import EventKind, Verdict
from campaigns.reporting.links import LinkClicks, link_report
from campaigns.reporting.series import first_hours
from tests.reporting.sent_campaign import START, at, event, link, message, sent_campaign


def test_links_count_people_once_and_machines_apart(session: Session) -> None:
    campaign, noise = sent_campaign(session), sent_campaign(session)
    for number in (1, 2, 3):
        link(session, campaign, number, label=f"Link {number}")
        link(session, noise, number)
    one, two = message(session, campaign, 1), message(session, campaign, 2)
    event(session, message(session, noise, 1), EventKind.click, 1, link=3)
    event(session, one, EventKind.click, 1, link=2)
    event(session, one, EventKind.click, 2, link=2)
    event(session, two, EventKind.click, 3, link=2)
    event(session, two, EventKind.click, 0, link=1, verdict=Verdict.machine)
    event(session, two, EventKind.click, 4, link=1, settled_at=None)
    event(session, two, EventKind.open, 4)
    assert link_report(session, campaign_id=campaign.id) == [
        LinkClicks(2, "Link 2", "https://shop.example/2", people=2, clicks=3, machine_clicks=0, settling=0),
        LinkClicks(1, "Link 1", "https://shop.example/1", people=0, clicks=0, machine_clicks=1, settling=1),
        LinkClicks(3, "Link 3", "https://shop.example/3", people=0, clicks=0, machine_clicks=0, settling=0),
    ]


def test_the_hours_begin_at_the_full_hour_of_the_start_and_end_with_now(session: Session) -> None:
    campaign, noise = sent_campaign(session), sent_campaign(session)
    message(session, noise, 1, opened_at=at(5), clicked_at=at(5))
    message(session, campaign, 1, opened_at=at(5), clicked_at=at(41))
    message(session, campaign, 2, opened_at=at(39.9))
    message(session, campaign, 3, opened_at=at(40))
    message(session, campaign, 4, opened_at=at(60 * 49))
    hours = first_hours(session, campaign_id=campaign.id, started_at=START, now=at(150))
    assert [(h.start.hour, h.opened, h.clicked) for h in hours] == [(9, 2, 0), (10, 1, 1), (11, 0, 0)]


def test_a_campaign_of_last_year_shows_two_days(session: Session) -> None:
    campaign = sent_campaign(session)
    hours = first_hours(session, campaign_id=campaign.id, started_at=START, now=START + timedelta(days=365))
    assert len(hours) == 48


def test_a_clock_behind_the_start_shows_one_empty_hour(session: Session) -> None:
    campaign = sent_campaign(session)
    hours = first_hours(session, campaign_id=campaign.id, started_at=START, now=START - timedelta(hours=5))
    assert [(h.opened, h.clicked) for h in hours] == [(0, 0)]
