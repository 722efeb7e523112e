"""A database that went back in time, or was moved, is held (promise 3)."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from campaigns import clock, lifecycle
from campaigns.delivery.claim import claim_batch
from campaigns.delivery.seen import SeenFile, check_database
from campaigns.models.installation import Host, Installation
from campaigns.settings import Settings


@pytest.fixture
def used(session: Session, settings: Settings) -> Session:
    """A database and a data folder that know each other, with windows handed over."""
    session.execute(text("SELECT setval('handed_mark', 100)"))
    assert check_database(session, settings=settings, now=clock.now()) is None
    return session


def test_a_fresh_database_is_not_held(session: Session, settings: Settings) -> None:
    assert check_database(session, settings=settings, now=clock.now()) is None


def test_a_database_that_is_behind_is_held_until_somebody_releases_it(used: Session, settings: Settings) -> None:
    used.execute(text("SELECT setval('handed_mark', 40)"))
    assert check_database(used, settings=settings, now=clock.now()) == "database_behind"
    assert used.scalar(select(Installation.held_at)) is not None
    assert claim_batch(used, worker="w", lease_seconds=10) is None
    lifecycle.release_installation(used, now=clock.now())
    assert check_database(used, settings=settings, now=clock.now()) is None
    assert used.scalar(select(Installation.held_at)) is None


def test_a_used_database_that_meets_an_unknown_folder_is_held(used: Session, settings: Settings) -> None:
    used.execute(text("UPDATE host SET home_id = :other"), {"other": uuid4()})
    later = clock.now() + timedelta(hours=1)
    assert check_database(used, settings=settings, now=later) == "database_moved"


def test_a_second_machine_beside_a_living_one_is_welcome(used: Session, settings: Settings) -> None:
    used.execute(text("UPDATE host SET home_id = :other"), {"other": uuid4()})
    assert check_database(used, settings=settings, now=clock.now()) is None
    assert len(used.scalars(select(Host.home_id)).all()) == 2


def test_the_highest_mark_stays(settings: Settings) -> None:
    database_id, seen = uuid4(), SeenFile(settings)
    for mark in (5, 9, 7):
        seen.note(database_id, mark)
    assert seen.read() == (database_id, 9)
