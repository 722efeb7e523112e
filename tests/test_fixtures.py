"""The fixtures themselves: what a test does must never reach the next one."""

import smtplib
import socket

import pytest
import redis
from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns.db import read_session, transaction
from campaigns.settings import Settings, get_settings


@pytest.mark.parametrize("time", ["first", "second"])
def test_a_commit_inside_a_test_is_seen_by_it_and_gone_after_it(session: Session, time: str) -> None:
    with transaction() as other:
        other.execute(text("CREATE TABLE left_behind (n int)"))
    session.execute(text("INSERT INTO left_behind VALUES (1)"))
    with read_session() as reader:
        assert reader.scalar(text("SELECT count(*) FROM left_behind")) == 1


@pytest.mark.parametrize("time", ["first", "second"])
def test_a_committed_database_is_the_tests_own(committed_database: str, time: str) -> None:
    with transaction() as one:
        one.execute(text("CREATE TABLE left_behind (n int)"))
    with read_session() as reader:
        assert reader.scalar(text("SELECT count(*) FROM left_behind")) == 0
    assert get_settings().effective_database_url == committed_database


def test_the_schema_is_there(session: Session) -> None:
    assert session.scalar(text("SELECT count(*) FROM alembic_version")) == 1


def test_the_queue_is_real(valkey: redis.Redis) -> None:
    valkey.set("a", "b")
    assert redis.Redis.from_url(get_settings().effective_redis_url).get("a") == b"b"


def test_mail_goes_nowhere(settings: Settings) -> None:
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", settings.inbox_port)


def test_no_test_reaches_another_machine() -> None:
    with pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 25), timeout=1)
