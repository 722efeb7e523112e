"""Scores in the database: folded for whoever was touched, explained, never lost."""

import math
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.db import transaction
from campaigns.models.contact import Contact
from campaigns.models.engagement import Engagement, EngagementEntry, ScoreDue
from campaigns.models.event import Event, Verdict
from campaigns.models.installation import Installation
from campaigns.models.score_due import ask_for_scores
from campaigns.scoring.explain import current_scores, explain_score
from campaigns.scoring.fold import fold_due
from tests import builders

LANDMARK = datetime(2026, 11, 1, tzinfo=UTC)
NOW = LANDMARK + timedelta(days=21)


@pytest.fixture
def contact(session: Session) -> Contact:
    installation = session.get_one(Installation, 1)
    installation.landmark, installation.half_life_days, installation.weights = LANDMARK, 30.0, {}
    builders.make_contact(session)
    return builders.make_contact(session)


def add_event(session: Session, contact: Contact, kind: str, at: datetime, **other: Any) -> Event:
    values: dict[str, Any] = {
        "source": "hit",
        "source_id": f"{contact.id}-{kind}-{at.isoformat()}-{other.get('campaign_id')}",
        "verdict": Verdict.person,
        "settled_at": at,
        "features": {},
        "data": {},
        "created_at": at,
    }
    event = Event(kind=kind, contact_id=contact.id, occurred_at=at, **{**values, **other})
    session.add(event)
    session.flush()
    return event


def fold(session: Session, *contacts: Contact) -> int:
    ask_for_scores(session, contact_ids=[contact.id for contact in contacts])
    folded = fold_due(session, now=NOW)
    session.expire_all()
    return folded


def test_only_settled_human_events_move_a_score(session: Session, contact: Contact) -> None:
    add_event(session, contact, "click", NOW, campaign_id=1, settled_at=None)
    add_event(session, contact, "open", NOW, campaign_id=1, verdict=Verdict.machine)
    assert fold(session, contact) == 1
    assert current_scores(session, contact_ids=[contact.id], now=NOW) == {contact.id: 0}
    engagement = session.get_one(Engagement, contact.id)
    assert (engagement.measured, engagement.last_human_at) == (False, None)


def test_an_open_and_a_click_make_24_points_and_half_of_it_a_half_life_later(
    session: Session, contact: Contact
) -> None:
    add_event(session, contact, "open", NOW, campaign_id=1)
    add_event(session, contact, "click", NOW, campaign_id=1)
    add_event(session, contact, "click", NOW + timedelta(hours=1), campaign_id=1)
    fold(session, contact)
    assert current_scores(session, contact_ids=[contact.id], now=NOW)[contact.id] == 24
    assert current_scores(session, contact_ids=[contact.id], now=NOW + timedelta(days=30))[contact.id] == 12
    assert session.get_one(Engagement, contact.id).measured


def test_folding_takes_only_who_waits_and_each_once(session: Session, contact: Contact) -> None:
    other = builders.make_contact(session)
    add_event(session, contact, "open", NOW, campaign_id=1)
    add_event(session, other, "open", NOW, campaign_id=1)
    assert fold(session, contact) == 1
    assert fold_due(session, now=NOW) == 0
    assert session.get(Engagement, other.id) is None


def test_a_revised_event_takes_its_points_along(session: Session, contact: Contact) -> None:
    click = add_event(session, contact, "click", NOW, campaign_id=1)
    fold(session, contact)
    click.verdict = Verdict.machine
    session.flush()
    fold(session, contact)
    assert session.scalars(select(EngagementEntry)).all() == []
    assert session.get_one(Engagement, contact.id).mass == 0.0


def test_what_the_clock_wrote_is_kept_and_counted(session: Session, contact: Contact) -> None:
    session.add(
        EngagementEntry(
            contact_id=contact.id,
            kind="ignored",
            source="campaign:7",
            occurred_at=LANDMARK,
            weight=-2,
            contribution=-2,
            campaign_id=7,
            settled_at=LANDMARK,
        )
    )
    session.flush()
    add_event(session, contact, "open", LANDMARK, campaign_id=1)
    fold(session, contact)
    assert session.get_one(Engagement, contact.id).mass == pytest.approx(4.0)


def test_own_weights_and_half_life_are_used(session: Session, contact: Contact) -> None:
    session.get_one(Installation, 1).weights = {"click": 40}
    session.flush()
    add_event(session, contact, "click", NOW, campaign_id=1)
    fold(session, contact)
    assert current_scores(session, contact_ids=[contact.id], now=NOW)[contact.id] == 40


def test_the_explanation_adds_up_and_tells_each_step(session: Session, contact: Contact) -> None:
    add_event(session, contact, "open", LANDMARK, campaign_id=1)
    add_event(session, contact, "click", NOW, campaign_id=2)
    fold(session, contact)
    explained = explain_score(session, contact_id=contact.id, now=NOW)
    assert round(sum(entry.points for entry in explained.entries)) == explained.score == 22
    assert [(step.kind, step.before, step.after) for step in explained.steps] == [("open", 0, 6), ("click", 4, 22)]
    assert [entry.kind for entry in explained.entries] == ["click", "open"]


def test_a_score_stays_between_0_and_100(session: Session, contact: Contact) -> None:
    for campaign_id in range(1, 9):
        add_event(session, contact, "click", NOW, campaign_id=campaign_id)
    angry = builders.make_contact(session)
    add_event(session, angry, "complaint", NOW, campaign_id=1)
    fold(session, contact, angry)
    assert current_scores(session, contact_ids=[contact.id, angry.id], now=NOW) == {contact.id: 100, angry.id: 0}


@pytest.mark.parametrize("seed", range(8))
def test_a_score_made_bit_by_bit_equals_its_replay(session: Session, contact: Contact, seed: int) -> None:
    chance = random.Random(seed)
    events: dict[tuple[str, int, int], Event] = {}
    for _ in range(30):
        kind, campaign_id, hour = (
            chance.choice(["open", "click", "bounce"]),
            chance.randint(1, 3),
            chance.randint(0, 99),
        )
        event = events.get((kind, campaign_id, hour))
        if event is None:
            at = LANDMARK + timedelta(hours=hour)
            events[kind, campaign_id, hour] = add_event(session, contact, kind, at, campaign_id=campaign_id)
        else:
            event.verdict = chance.choice(list(Verdict))
        session.flush()
        fold(session, contact)
    earliest: dict[tuple[str, int], int] = {}
    for (kind, campaign_id, hour), event in events.items():
        if event.verdict == Verdict.person:
            earliest[kind, campaign_id] = min(hour, earliest.get((kind, campaign_id), hour))
    weights = {"open": 6, "click": 18, "bounce": -10}
    mass = math.fsum(weights[kind] * 2 ** (hour / 24 / 30) for (kind, _), hour in sorted(earliest.items()))
    assert session.get_one(Engagement, contact.id).mass == pytest.approx(mass, abs=1e-9)


def test_asking_for_an_unknown_contact_is_harmless(session: Session) -> None:
    ask_for_scores(session, contact_ids=[987654321])
    assert fold_due(session, now=NOW) == 1
    assert explain_score(session, contact_id=987654321, now=NOW).score == 0


def test_an_event_committed_while_its_contact_is_folded_is_still_counted(committed_database: str) -> None:
    with transaction() as session:
        contact = builders.make_contact(session)
        ask_for_scores(session, contact_ids=[contact.id])
    wrote, may_commit = threading.Event(), threading.Event()

    def write() -> None:
        with transaction() as session:
            add_event(session, contact, "click", NOW, campaign_id=1)
            ask_for_scores(session, contact_ids=[contact.id])
            wrote.set()
            may_commit.wait(10)

    writer = threading.Thread(target=write)
    writer.start()
    wrote.wait(10)
    with transaction() as session:
        fold_due(session, now=NOW)
    may_commit.set()
    writer.join(10)
    with transaction() as session:
        fold_due(session, now=NOW)
    with transaction() as session:
        assert current_scores(session, contact_ids=[contact.id], now=NOW)[contact.id] == 18
        assert session.scalars(select(ScoreDue)).all() == []
