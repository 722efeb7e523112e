"""Whoever may not wait does not wait, neither for a slow answer nor for a server that says nothing at all."""

import socket
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from campaigns import db
from campaigns.patience import at_most
from tests.conftest import Cluster


@pytest.fixture
def engine(cluster: Cluster) -> Iterator[Engine]:
    engine = db.make_engine(cluster.server.url("postgres"))
    yield engine
    engine.dispose()


@pytest.fixture
def silent_engine() -> Iterator[Engine]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        yield db.make_engine(f"postgresql+psycopg://nobody@127.0.0.1:{port}/none")


def sleep(engine: Engine, seconds: float) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


def test_a_slow_answer_is_given_up(engine: Engine) -> None:
    sleep(engine, 0)
    began_at = time.monotonic()
    with at_most(0.3), pytest.raises(OperationalError):
        sleep(engine, 20)
    assert time.monotonic() - began_at < 5


def test_the_limit_is_for_all_questions_together(engine: Engine) -> None:
    with at_most(3.0):
        sleep(engine, 2.0)
        with pytest.raises(OperationalError):
            sleep(engine, 2.0)


def test_a_silent_server_is_given_up_and_not_asked_again(silent_engine: Engine) -> None:
    began_at = time.monotonic()
    with at_most(2.5):
        for _ in range(5):
            with pytest.raises(OperationalError):
                sleep(silent_engine, 0)
    assert time.monotonic() - began_at < 5


def test_without_a_limit_and_after_one_everything_is_as_before(engine: Engine) -> None:
    sleep(engine, 0.3)
    with at_most(0.1), pytest.raises(OperationalError):
        sleep(engine, 20)
    sleep(engine, 0.3)
    with at_most(20):
        sleep(engine, 0.1)


def test_a_connection_is_not_begun_without_time_for_it(engine: Engine) -> None:
    with at_most(1.0), pytest.raises(OperationalError):
        sleep(engine, 0)
    sleep(engine, 0)
    with at_most(1.0):
        sleep(engine, 0)
