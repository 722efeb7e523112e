"""Moves of a campaign, what stands before its start, and wall times."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from campaigns import clock, lifecycle, preflight
from campaigns.delivery.audience import count_audience
from campaigns.delivery.freeze import freeze_audience
from campaigns.delivery.planned_time import UnknownZone, instant_of
from campaigns.models.campaign import Campaign, CampaignSegment, CampaignState
from campaigns.models.contact import Contact
from campaigns.models.installation import Installation
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import MembershipState
from campaigns.models.message import Batch, Message, MessageState, Reason
from campaigns.models.suppression import Suppression
from campaigns.models.work import Work
from tests.builders import (
    make_campaign,
    make_contact,
    make_list,
    make_member,
    make_membership,
    make_segment,
    make_sender,
)

IS_FINNISH = {"match": "all", "rules": [{"field": "language", "operator": "is_any_of", "value": ["fi"]}]}


@pytest.fixture
def campaign(session: Session) -> Campaign:
    """A draft to Ada and Bo, with people around them who must not get it."""
    sender = make_sender(session)
    mailing_list, other_list = make_list(session, sender=sender), make_list(session, sender=sender)
    make_member(session, mailing_list=mailing_list, email="ada@gmail.com")
    make_member(session, mailing_list=mailing_list, email="bo@shop.example")
    make_member(session, mailing_list=other_list, email="stranger@shop.example")
    for state in (MembershipState.unsubscribed, MembershipState.pending):
        contact = make_contact(session, email=f"{state}@shop.example")
        make_membership(session, mailing_list=mailing_list, contact=contact, state=state)
    gone = make_member(session, mailing_list=mailing_list, email="gone@shop.example")
    session.add(Suppression(address_hash=gone.address_hash, reason="hard_bounce", created_at=clock.now()))
    session.flush()
    return make_campaign(session, mailing_list=mailing_list, sender=sender)


def test_every_candidate_has_one_disposition(session: Session, campaign: Campaign) -> None:
    counts = count_audience(session, campaign_id=campaign.id, now=clock.now())
    assert counts.matched == 5
    assert counts.will_get == 2
    assert counts.skipped == {
        Reason.unsubscribed: 1,
        Reason.not_confirmed: 1,
        Reason.suppressed_hard_bounce: 1,
    }


def test_who_unsubscribed_and_is_suppressed_is_shown_as_unsubscribed(session: Session, campaign: Campaign) -> None:
    for address_hash in session.scalars(select(Contact.address_hash)).all():
        if session.get(Suppression, address_hash) is None:
            session.add(Suppression(address_hash=address_hash, reason="manual", created_at=clock.now()))
    session.flush()
    counts = count_audience(session, campaign_id=campaign.id, now=clock.now())
    assert counts.skipped[Reason.unsubscribed] == 1
    assert counts.will_get == 0


def test_freezing_numbers_those_who_get_it_first_and_by_provider(session: Session, campaign: Campaign) -> None:
    assert freeze_audience(session, campaign_id=campaign.id, batch_size=1000, now=clock.now()) == 2
    rows = session.scalars(select(Message).order_by(Message.seq)).all()
    assert [row.email for row in rows[:2]] == ["bo@shop.example", "ada@gmail.com"]
    assert [row.state for row in rows] == [MessageState.waiting] * 2 + [MessageState.skipped] * 3
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    batches = session.scalars(select(Batch).order_by(Batch.number)).all()
    assert [(each.first_seq, each.last_seq, each.provider) for each in batches] == [(1, 1, 0), (2, 2, 1)]
    assert campaign.candidates == 5
    assert campaign.skipped == {"1": 1, "2": 1, "4": 1}


def test_freezing_again_changes_nothing(session: Session, campaign: Campaign) -> None:
    for _ in range(2):
        assert freeze_audience(session, campaign_id=campaign.id, batch_size=1000, now=clock.now()) == 2
    assert len(session.scalars(select(Message.seq)).all()) == 5


def test_segments_take_in_and_leave_out(session: Session, campaign: Campaign) -> None:
    fi = make_member(session, mailing_list=session.get_one(MailingList, campaign.list_id))
    fi.language = "fi"
    segment = make_segment(session, rules=IS_FINNISH)
    chosen = CampaignSegment(campaign_id=campaign.id, segment_id=segment.id, excluded=True)
    session.add(chosen)
    session.flush()
    counts = count_audience(session, campaign_id=campaign.id, now=clock.now())
    assert (counts.matched, counts.will_get) == (6, 2)
    assert counts.skipped[Reason.left_out_by_segment] == 1
    chosen.excluded = False
    session.flush()
    counts = count_audience(session, campaign_id=campaign.id, now=clock.now())
    assert (counts.matched, counts.will_get) == (1, 1)


def test_a_good_draft_may_start_and_opens_its_work(session: Session, campaign: Campaign) -> None:
    assert preflight.check(session, campaign_id=campaign.id, now=clock.now()).must_fix == ()
    lifecycle.start(session, campaign_id=campaign.id, now=clock.now())
    assert campaign.state == CampaignState.starting
    assert session.scalars(select(Work.subject_id)).all() == [campaign.id]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("sender.postal_address = ' '", "no_postal_address"),
        ("sender.company = ''", "no_company"),
        ("content.subject = ''", "no_subject"),
        ("content.body = '<mjml><mj-body><mj-sectoin></mj-sectoin></mj-body></mjml>'", "content_"),
        (
            "content.body = '<mjml><mj-body><mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section>"
            "</mj-body></mjml>'",
            "no_unsubscribe_link",
        ),
        ("membership.state = 'unsubscribed'", "nobody"),
    ],
)
def test_what_must_be_fixed_keeps_it_from_starting(
    session: Session, campaign: Campaign, statement: str, code: str
) -> None:
    table, _, assignment = statement.partition(".")
    session.execute(text(f"UPDATE {table} SET {assignment}"))
    session.expire_all()
    with pytest.raises(preflight.PreflightFailed) as caught:
        lifecycle.start(session, campaign_id=campaign.id, now=clock.now())
    assert any(finding.code.startswith(code) for finding in caught.value.findings)
    assert campaign.state == CampaignState.draft


def test_preflight_says_how_many_people_lack_a_value(session: Session, campaign: Campaign) -> None:
    session.execute(text("UPDATE content SET subject = 'For {{ contact.family_name }}'"))
    session.execute(text("UPDATE contact SET family_name = '' WHERE email IN ('bo@shop.example', 'gone@shop.example')"))
    session.expire_all()
    findings = preflight.check(session, campaign_id=campaign.id, now=clock.now()).findings
    missing = [finding.params for finding in findings if finding.code == "missing_values"]
    assert missing == [{"field": "contact.family_name", "people": 1}]


@pytest.mark.parametrize(
    ("subject", "is_long"),
    [
        (
            '{{ contact.given_name | default("Hello") }}, here is what is new at {{ sender.company }} this very week',
            False,
        ),
        (
            "{{ sender.company }} {{ sender.company }} {{ sender.company }} {{ sender.company }} {{ sender.company }}",
            True,
        ),
        ("x" * 79, True),
        ("x" * 78, False),
    ],
)
def test_a_subject_is_measured_as_people_read_it(
    session: Session, campaign: Campaign, subject: str, is_long: bool
) -> None:
    session.execute(text("UPDATE content SET subject = :subject"), {"subject": subject})
    session.execute(text("UPDATE sender SET company = 'Fern and Field Ltd'"))
    session.expire_all()
    found = preflight.check(session, campaign_id=campaign.id, now=clock.now()).findings
    assert ("long_subject" in {finding.code for finding in found}) is is_long


def test_moves_that_the_table_does_not_know_are_refused(session: Session, campaign: Campaign) -> None:
    for move in (lifecycle.pause, lifecycle.resume, lifecycle.cancel, lifecycle.release, lifecycle.unschedule):
        with pytest.raises(lifecycle.WrongState):
            move(session, campaign_id=campaign.id, now=clock.now())
    assert campaign.state == CampaignState.draft


def schedule_in(session: Session, campaign: Campaign, hours: float) -> datetime:
    local = (clock.now() + timedelta(hours=hours)).replace(tzinfo=None)
    lifecycle.schedule(session, campaign_id=campaign.id, local=local, zone="UTC", now=clock.now())
    return local.replace(tzinfo=UTC)


def test_a_scheduled_campaign_starts_when_its_time_has_come(session: Session, campaign: Campaign) -> None:
    due_at = schedule_in(session, campaign, 2)
    assert lifecycle.start_due(session, now=due_at - timedelta(seconds=1)) == 0
    assert lifecycle.start_due(session, now=due_at + timedelta(seconds=1)) == 1
    assert campaign.state == CampaignState.starting


def test_one_that_is_late_is_held_and_says_so(session: Session, campaign: Campaign) -> None:
    due_at = schedule_in(session, campaign, 2)
    lifecycle.start_due(session, now=due_at + timedelta(hours=1, seconds=1))
    assert (campaign.state, campaign.hold_reason) == (CampaignState.held, "late")
    lifecycle.release(session, campaign_id=campaign.id, now=clock.now())
    assert campaign.state == CampaignState.starting


def test_a_held_installation_starts_nothing(session: Session, campaign: Campaign) -> None:
    due_at = schedule_in(session, campaign, 2)
    session.get_one(Installation, 1).held_at = clock.now()
    session.flush()
    assert lifecycle.start_due(session, now=due_at) == 0
    assert campaign.state == CampaignState.scheduled


def test_a_time_that_is_over_cannot_be_planned(session: Session, campaign: Campaign) -> None:
    with pytest.raises(lifecycle.PlannedInThePast):
        schedule_in(session, campaign, -1)


def test_a_skipped_hour_means_the_moment_after_it() -> None:
    local = datetime.fromisoformat("2026-03-29T02:30")
    assert instant_of(local, "Europe/Berlin") == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_a_doubled_hour_means_the_first_one() -> None:
    local = datetime.fromisoformat("2026-10-25T02:30")
    assert instant_of(local, "Europe/Berlin") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../etc/passwd", "Europe/\0"])
def test_an_unknown_zone_is_named(zone: str) -> None:
    with pytest.raises(UnknownZone):
        instant_of(datetime.fromisoformat("2026-01-01"), zone)


@given(
    st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2060-01-01")),
    st.sampled_from(["America/Sao_Paulo", "Asia/Taipei"]),
)
def test_an_ordinary_wall_time_reads_back(local: datetime, zone: str) -> None:
    back = instant_of(local, zone).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert back == local or back > local  # later only where the clocks skipped it
