"""The engine, the one place that commits, and the idioms of columns."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from redis import RedisError
from sqlalchemy import DateTime, Engine, MetaData, Text, create_engine
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from campaigns import patience, queue
from campaigns.settings import get_settings

log = logging.getLogger(__name__)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All tables. Strings are ``text`` without a length, instants are ``timestamptz``, dicts are JSONB."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


def make_engine(url: str) -> Engine:
    """Return an engine for ``url`` whose sessions speak UTC."""
    engine = create_engine(
        url,
        pool_pre_ping=True,
        hide_parameters=True,  # an error that is logged tells of no person and no password hash
        pool_size=5,
        max_overflow=15,
        connect_args={"options": "-c timezone=UTC", "connect_timeout": 10},
    )
    patience.keep_limits(engine)
    return engine


class _Current:
    """This process's engine and session factory, made on first use."""

    engine: Engine | None = None
    make_session: Callable[[], Session] | None = None


def get_engine() -> Engine:
    """Return this process's engine."""
    if _Current.engine is None:
        _Current.engine = make_engine(get_settings().effective_database_url)
    return _Current.engine


def bind(engine: Engine | None, make_session: Callable[[], Session] | None = None) -> None:
    """Use another engine (or session factory) from now on; ``None`` goes back to the settings'."""
    _Current.engine = engine
    _Current.make_session = make_session


def forget_connections() -> None:
    """Drop inherited connections without closing them; call first in a forked child."""
    if _Current.engine is not None:
        _Current.engine.dispose(close=False)


def _new_session() -> Session:
    if _Current.make_session is not None:
        return _Current.make_session()
    return sessionmaker(get_engine(), expire_on_commit=False)()


@contextmanager
def transaction() -> Iterator[Session]:
    """Yield a session, commit it, then push the jobs that were collected in it.

    This is the only place in the product that commits. An exception rolls back and drops the jobs.
    """
    session = _new_session()
    try:
        yield session
        session.commit()
        jobs = queue.take_collected(session)
    except BaseException:
        session.rollback()
        queue.take_collected(session)
        raise
    finally:
        session.close()
    _push(jobs)


def _push(jobs: list[queue.Job]) -> None:
    """Push after commit. Without Redis nothing is lost: the scheduler looks at the rows and wakes again."""
    if not jobs:
        return
    try:
        queue.push(jobs)
    except RedisError as error:
        log.warning("Redis is away; %d wake-ups left to the scheduler: %s", len(jobs), error)


@contextmanager
def read_session() -> Iterator[Session]:
    """Yield a session for reading; whatever it changed is rolled back, and rows that it read stay readable."""
    session = _new_session()
    try:
        yield session
    finally:
        session.close()
