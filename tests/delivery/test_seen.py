"""A database that went back in time, or was moved, is held (promise 3)."""

import shutil
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from campaigns import clock, lifecycle
from campaigns.delivery.claim import claim_batch
from campaigns.delivery.home_id import home_id
from campaigns.delivery.seen import SeenFile, check_database
from campaigns.models.installation import Host, Installation
from campaigns.settings import Settings
from tests.builders import make_campaign, make_list, make_sender


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
    shared = settings.model_copy(update={"database_url": "postgresql://a.server.of/ours"})
    assert check_database(used, settings=shared, now=clock.now()) is None
    assert len(used.scalars(select(Host.home_id)).all()) == 2


def copy_home(settings: Settings, folder: Path) -> Settings:
    shutil.copytree(settings.home_path, folder, copy_function=shutil.copy2)
    return settings.model_copy(update={"home": folder})


def test_a_copy_of_the_folder_is_held_though_its_original_was_heard_of_just_now(
    used: Session, settings: Settings, tmp_path: Path
) -> None:
    copy = copy_home(settings, tmp_path / "copy")
    assert check_database(used, settings=copy, now=clock.now()) == "database_moved"


def test_a_folder_brought_back_to_its_place_from_a_copy_is_held(
    used: Session, settings: Settings, tmp_path: Path
) -> None:
    copy_home(settings, tmp_path / "copy")
    settings.home_path.rename(tmp_path / "old")
    (tmp_path / "copy").rename(settings.home_path)
    assert check_database(used, settings=settings, now=clock.now()) == "database_moved"


def test_a_folder_that_was_renamed_is_held(used: Session, settings: Settings, tmp_path: Path) -> None:
    settings.home_path.rename(tmp_path / "renamed")
    renamed = settings.model_copy(update={"home": tmp_path / "renamed"})
    assert check_database(used, settings=renamed, now=clock.now()) == "database_moved"


def test_a_copy_that_nothing_was_sent_from_is_held_when_something_would_be(
    session: Session, settings: Settings, tmp_path: Path
) -> None:
    session.execute(text("SELECT setval('handed_mark', 1, false)"))
    sender = make_sender(session)
    mailing_list = make_list(session, sender=sender)
    make_campaign(session, mailing_list=mailing_list, sender=sender, state="sent")
    assert check_database(session, settings=settings, now=clock.now()) is None
    assert check_database(session, settings=copy_home(settings, tmp_path / "one"), now=clock.now()) is None
    make_campaign(session, mailing_list=mailing_list, sender=sender, state="scheduled")
    reason = check_database(session, settings=copy_home(settings, tmp_path / "two"), now=clock.now())
    assert reason == "database_moved"


def test_the_folder_keeps_its_id(settings: Settings) -> None:
    assert home_id(settings) == home_id(settings)


def test_the_highest_mark_stays(settings: Settings) -> None:
    database_id, seen = uuid4(), SeenFile(settings)
    for mark in (5, 9, 7):
        seen.note(database_id, mark)
    assert seen.read() == (database_id, 9)
