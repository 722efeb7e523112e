"""Kill whatever sends in the middle of a campaign: nobody twice, nobody lost, in doubt at most a window a worker.

``TIDINGS_TEST_PEOPLE`` makes the campaign bigger than the quick one of every day.
"""

import os
import signal
import time
from collections.abc import Iterator

import pytest
import redis

from campaigns.models.message import MessageState
from tests.journeys.engine_room import EngineRoom, is_alive, send

PEOPLE = int(os.environ.get("TIDINGS_TEST_PEOPLE", "800"))
WINDOW, SEND_WORKERS = 32, 2

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def warm_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineRoom]:
    engine_room = EngineRoom(tmp_path_factory.mktemp("room"), delay_seconds=0.004)
    try:
        engine_room.open()
        yield engine_room
    finally:
        engine_room.close()


@pytest.fixture
def room(warm_room: EngineRoom, settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineRoom]:
    """A room in which a sixth of a new campaign has gone out."""
    warm_room.enter(monkeypatch.setenv)
    warm_room.make_campaign(PEOPLE)
    warm_room.start_campaign()
    warm_room.wait_until_accepted(PEOPLE // 6)
    yield warm_room
    warm_room.leave()


def check_account(room: EngineRoom, *, most_uncertain: int) -> None:
    """Everyone is accounted for, nobody was written to twice, and who is uncertain is shown as such."""
    accepted, states, progress = room.accepted(), room.states(), room.progress()
    assert max(accepted.values()) == 1
    assert len(states) == PEOPLE
    uncertain = {email for email, state in states.items() if state is MessageState.uncertain}
    sent = {email for email, state in states.items() if state is MessageState.sent}
    assert sent | uncertain == set(states)
    assert sent <= set(accepted)
    assert set(accepted) <= sent | uncertain
    assert len(uncertain) <= most_uncertain
    assert progress.sent == len(sent)
    assert progress.uncertain == len(uncertain)
    assert progress.candidates == PEOPLE
    assert (progress.waiting, progress.retry, progress.in_hand) == (0, 0, 0)


def test_killed_work_horses_leave_at_most_a_window_each_in_doubt(room: EngineRoom) -> None:
    for horse in room.horses():
        send(horse, signal.SIGKILL)
    room.wait_until_sent()
    check_account(room, most_uncertain=SEND_WORKERS * WINDOW)


def test_a_killed_worker_takes_its_horse_along(room: EngineRoom) -> None:
    horses = room.horses()
    room.kill("send-1")
    room.kill("send-2")
    room.wait_for(lambda: not any(is_alive(horse) for horse in horses), seconds=15)
    room.wait_until_sent()
    check_account(room, most_uncertain=SEND_WORKERS * WINDOW)


def test_sigterm_drains_and_leaves_nobody_in_doubt(room: EngineRoom) -> None:
    for name in ("send-1", "send-2"):
        room.kill(name, signal.SIGTERM)
    room.wait_for(lambda: not any(is_alive(room.workers[name]) for name in ("send-1", "send-2")), seconds=10)
    assert room.progress().in_hand == 0
    room.wait_until_sent()
    check_account(room, most_uncertain=0)


def test_a_killed_scheduler_is_not_missed_for_long(room: EngineRoom) -> None:
    room.kill("scheduler")
    room.wait_until_sent()
    check_account(room, most_uncertain=0)


def test_a_killed_valkey_loses_nobody(room: EngineRoom) -> None:
    assert room.valkey.process is not None
    room.valkey.process.kill()
    room.valkey.process.wait()
    time.sleep(1)
    room.valkey.start()
    room.wait_until_sent()
    check_account(room, most_uncertain=SEND_WORKERS * WINDOW)


def test_an_emptied_valkey_loses_nobody(room: EngineRoom) -> None:
    redis.Redis.from_url(room.valkey.url).flushall()
    room.wait_until_sent()
    check_account(room, most_uncertain=SEND_WORKERS * WINDOW)


def test_a_killed_postgres_loses_nobody(room: EngineRoom) -> None:
    assert room.postgres.process is not None
    room.postgres.process.kill()
    room.postgres.process.wait()
    room.postgres.start()
    room.wait_until_sent()
    check_account(room, most_uncertain=SEND_WORKERS * WINDOW)


def test_a_worker_that_sleeps_past_its_lease_writes_to_nobody_twice(room: EngineRoom) -> None:
    horse = room.horses()[0]
    send(horse, signal.SIGSTOP)
    time.sleep(4)
    send(horse, signal.SIGCONT)
    room.wait_until_sent()
    check_account(room, most_uncertain=WINDOW)
