"""How long the database may keep somebody waiting who need not know that it is there.

A server that is gone refuses at once. One that is stopped, whose disk hangs or whose network swallows packets neither
answers nor refuses, and the client would wait for ever; so the limit is kept on our side of the connection.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import psycopg
from sqlalchemy import Engine, event

LEAST_CONNECT_SECONDS = 2  # libpq takes no less; who has less does not begin


class Limit:
    """When work with the database must be over; ``in_vain`` says that somebody waited for it without an answer."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.in_vain = False

    def seconds_left(self) -> float:
        return max(self._until - time.monotonic(), 0.0)


_limit: ContextVar[Limit | None] = ContextVar("limit", default=None)


@contextmanager
def at_most(seconds: float) -> Iterator[Limit]:
    """Let all work with the database inside this block take ``seconds`` together.

    What takes longer raises ``sqlalchemy.exc.OperationalError``, as a server that is gone does.
    """
    limit = Limit(seconds)
    token = _limit.set(limit)
    try:
        yield limit
    finally:
        _limit.reset(token)


class PatientConnection(psycopg.Connection[Any]):
    """A connection that gives up at the limit, where there is one; it is of no use afterwards."""

    def wait(self, *arguments: Any, **options: Any) -> Any:
        limit = _limit.get()
        if limit is None:
            return super().wait(*arguments, **options)
        try:
            return super().wait(*arguments, **options | {"timeout": limit.seconds_left()})
        except psycopg.OperationalError:
            if limit.seconds_left() == 0.0:
                limit.in_vain = True
                self.pgconn.finish()
            raise


def keep_limits(engine: Engine) -> None:
    """Make every new connection of ``engine`` heed :func:`at_most`."""
    event.listen(engine, "do_connect", _connect)


def _connect(dialect: object, record: object, arguments: list[Any], parameters: dict[str, Any]) -> PatientConnection:
    limit = _limit.get()
    if limit is None:
        return PatientConnection.connect(*arguments, **parameters)
    seconds = int(limit.seconds_left())
    if seconds < LEAST_CONNECT_SECONDS:
        raise psycopg.OperationalError("No time is left to connect to the database.")
    try:
        return PatientConnection.connect(*arguments, **parameters | {"connect_timeout": seconds})
    except psycopg.errors.ConnectionTimeout:
        limit.in_vain = True
        raise
