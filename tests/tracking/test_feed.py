"""From spooled hits to settled events, marks and scores to fold."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.contact import Contact
from campaigns.models.engagement import ScoreDue
from campaigns.models.event import Event
from campaigns.models.hit import Hit
from campaigns.settings import Settings, get_settings
from campaigns.tracking.ingest import ingest_hits
from campaigns.tracking.settle import settle_due
from campaigns.tracking.ship import Shipped, ship_hits
from tests import builders
from tests.tracking.hits import GOOGLE, hit, make_links, make_message, seconds

NOON = datetime(2026, 11, 22, 12, 0, 0, 500_000, tzinfo=UTC)
LATER = NOON + seconds(100)


class Mailing:
    """A sent campaign with six links, a reader, and another reader whose rows must never change."""

    def __init__(self, session: Session) -> None:
        self.session = session
        mailing_list = builders.make_list(session)
        sender = builders.make_sender(session)
        self.campaign: Campaign = builders.make_campaign(session, mailing_list=mailing_list, sender=sender)
        make_links(session, self.campaign, 6)
        self.reader: Contact = builders.make_member(session, mailing_list=mailing_list)
        self.other: Contact = builders.make_member(session, mailing_list=mailing_list)
        self.message = make_message(session, self.campaign, self.reader, seq=1, sent_at=NOON - seconds(3600))
        self.noise = make_message(session, self.campaign, self.other, seq=2, sent_at=NOON - seconds(3600))

    def feed(self, *records: dict[str, Any], now: datetime = LATER) -> None:
        """Ship, ingest and settle."""
        ship_hits(self.session, records=records)
        ingest_hits(self.session, now=now)
        while settle_due(self.session, now=now):
            pass
        self.session.expire_all()

    def events(self) -> list[Event]:
        return list(self.session.scalars(select(Event).order_by(Event.occurred_at, Event.source_id)))

    def verdicts(self) -> list[tuple[str, str | None, str | None]]:
        return [(event.kind, event.verdict, event.verdict_reason) for event in self.events()]

    def due(self) -> set[int]:
        return set(self.session.scalars(select(ScoreDue.contact_id)))


@pytest.fixture
def mailing(session: Session) -> Mailing:
    return Mailing(session)


def test_shipping_twice_is_once(session: Session, mailing: Mailing) -> None:
    records = [hit(mailing.message, NOON), hit(mailing.message, NOON, link=1)]
    assert ship_hits(session, records=records) == Shipped(2, 0, 0)
    assert ship_hits(session, records=[*records, hit(mailing.message, NOON, link=2)]) == Shipped(1, 2, 0)
    assert session.scalar(select(func.count()).select_from(Hit)) == 3


def test_one_bad_record_does_not_hold_up_the_others(session: Session, mailing: Mailing) -> None:
    bad: list[dict[str, Any]] = [
        {},
        {**hit(mailing.message, NOON), "id": "no"},
        {**hit(mailing.message, NOON), "kind": "nap"},
        {**hit(mailing.message, NOON), "agent": None},
    ]
    nasty = hit(mailing.message, NOON, agent="\0 \ud800 ü")
    assert ship_hits(session, records=[*bad, nasty]) == Shipped(1, 0, 4)


def test_a_hit_shows_as_settling_then_settles(session: Session, mailing: Mailing) -> None:
    mailing.feed(hit(mailing.message, NOON), now=NOON + seconds(5))
    (event,) = mailing.events()
    assert (event.kind, event.verdict, event.settled_at) == ("open", "person", None)
    assert event.contact_id == mailing.reader.id
    assert event.settles_at == event.occurred_at + seconds(60)
    assert mailing.message.opened_at is None
    assert mailing.due() == set()

    mailing.feed(now=NOON + seconds(61))
    (event,) = mailing.events()
    assert event.settled_at == NOON + seconds(61)
    assert mailing.message.opened_at == event.occurred_at
    assert mailing.due() == {mailing.reader.id}
    assert mailing.noise.opened_at is None


def test_a_hit_from_the_local_inbox_settles_at_once(mailing: Mailing) -> None:
    mailing.feed(hit(mailing.message, NOON, inbox=True, address=None), now=NOON)
    assert mailing.verdicts() == [("open", "person", "local_inbox")]
    assert mailing.message.opened_at == NOON


def test_ingesting_again_changes_nothing(session: Session, mailing: Mailing) -> None:
    record = hit(mailing.message, NOON)
    mailing.feed(record)
    before = mailing.events()[0].settled_at
    for row in session.scalars(select(Hit)):
        row.ingested_at = None
    session.flush()
    mailing.feed(record, now=NOON + seconds(600))
    (event,) = mailing.events()
    assert event.settled_at == before


def test_a_hit_for_an_unknown_message_is_no_event(session: Session, mailing: Mailing) -> None:
    mailing.feed({**hit(mailing.message, NOON), "seq": 99})
    assert mailing.events() == []
    assert session.scalar(select(func.count()).where(Hit.ingested_at.is_(None))) == 0


def test_a_machine_open_marks_no_person_and_asks_for_no_score(mailing: Mailing) -> None:
    mailing.feed(hit(mailing.message, NOON, agent="Mozilla/5.0"))
    assert mailing.verdicts() == [("open", "machine", "apple_privacy")]
    assert (mailing.message.opened_at, mailing.message.machine_opened_at) == (None, NOON)
    assert mailing.due() == set()


def test_a_click_without_pictures_counts_as_an_open_but_makes_no_event(mailing: Mailing) -> None:
    mailing.feed(hit(mailing.message, NOON, link=3))
    assert [event.kind for event in mailing.events()] == ["click"]
    assert (mailing.message.opened_at, mailing.message.clicked_at) == (NOON, NOON)


def test_marks_keep_the_first_time(mailing: Mailing) -> None:
    mailing.feed(hit(mailing.message, NOON))
    mailing.feed(hit(mailing.message, NOON + seconds(200), agent=GOOGLE), now=NOON + seconds(300))
    assert mailing.message.opened_at == NOON
    mailing.feed(hit(mailing.message, NOON - seconds(200), agent=GOOGLE), now=NOON + seconds(300))
    assert mailing.message.opened_at == NOON - seconds(200)


def test_a_burst_is_found_back_in_time_and_a_settled_person_is_revised(
    mailing: Mailing, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("TIDINGS_SETTLE_SECONDS", "1")
    get_settings.cache_clear()
    mailing.feed(hit(mailing.message, NOON, link=1), now=NOON + seconds(1))
    assert mailing.verdicts() == [("click", "person", "browser")]
    assert mailing.message.clicked_at == NOON

    mailing.feed(*[hit(mailing.message, NOON + seconds(link), link=link) for link in (2, 3, 4)], now=NOON + seconds(5))
    assert {(verdict, why) for _, verdict, why in mailing.verdicts()} == {("machine", "burst")}
    assert mailing.message.clicked_at is None
    assert mailing.message.opened_at is None
    assert mailing.message.machine_clicked_at == NOON
    assert mailing.due() == {mailing.reader.id}
    assert mailing.events()[0].verdict_params == {"links": 4, "of": 6, "seconds": 4.0}


def test_a_person_beside_a_scanner_stays_a_person(mailing: Mailing) -> None:
    scanner = [hit(mailing.message, NOON + seconds(link / 10), link=link) for link in range(1, 7)]
    person = hit(mailing.message, NOON + seconds(4), link=2, address="203.0.113.9")
    mailing.feed(*scanner, person)
    people = [event for event in mailing.events() if event.verdict == "person"]
    assert [event.source_id for event in people] == [person["id"]]
    assert mailing.message.clicked_at == NOON + seconds(4)


def test_two_readers_of_one_network_are_no_burst(mailing: Mailing) -> None:
    mailing.feed(
        *[hit(mailing.message, NOON + seconds(link), link=link) for link in (1, 2)],
        *[hit(mailing.noise, NOON + seconds(link), link=link) for link in (3, 4)],
    )
    assert {verdict for _, verdict, _ in mailing.verdicts()} == {"person"}


def test_addresses_are_kept_as_networks_and_private_ones_make_no_burst(mailing: Mailing) -> None:
    mailing.feed(*[hit(mailing.message, NOON + seconds(link / 10), link=link, address=None) for link in range(1, 7)])
    assert {verdict for _, verdict, _ in mailing.verdicts()} == {"person"}
    mailing.feed(hit(mailing.message, NOON, address="2001:db8:1:2::3"))
    assert mailing.events()[0].features["network"] in (None, "2001:db8:1::/48")
    assert "2001:db8:1:2::3" not in str([event.features for event in mailing.events()])


def test_aggregate_tracking_stores_no_person(session: Session, mailing: Mailing) -> None:
    mailing.campaign.tracking_mode = "aggregate"
    session.flush()
    mailing.feed(hit(mailing.message, NOON, link=1))
    (event,) = mailing.events()
    assert (event.contact_id, event.seq, event.campaign_id) == (None, None, mailing.campaign.id)
    assert (event.verdict, mailing.message.clicked_at, mailing.due()) == ("person", None, set())
    assert event.settled_at is not None


def test_a_hit_of_somebody_erased_names_nobody(session: Session, mailing: Mailing) -> None:
    session.execute(delete(Contact).where(Contact.id == mailing.reader.id))
    mailing.feed(hit(mailing.message, NOON, link=1))
    (event,) = mailing.events()
    assert (event.contact_id, event.seq, event.verdict, mailing.due()) == (None, None, "person", set())
