"""How many match, and who: counted within a time limit, listed newest first."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import QueryCanceled
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from campaigns.errors import TidingsError
from campaigns.models.contact import Contact
from campaigns.segments.compile import select_contact_ids

TIMEOUT_SECONDS = 20.0
SAMPLE_SIZE = 5
SET_TIMEOUT = text("SELECT set_config('statement_timeout', :value, true)")


class CountTookTooLong(TidingsError):
    """Counting was given up at its time limit. The segment still works; only the number is missing."""

    code = "count_took_too_long"


@dataclass(frozen=True)
class MatchingContact:
    """One contact who matches, with what a page shows of them."""

    id: int
    email: str
    given_name: str
    family_name: str
    language: str | None
    created_at: datetime


def count_matching(
    session: Session, *, rules: dict[str, Any], now: datetime, timeout_seconds: float = TIMEOUT_SECONDS
) -> int:
    """Return how many contacts match ``rules`` at ``now``.

    Raises :class:`CountTookTooLong` at the limit, after which the session can still be used, and ``InvalidRule``.
    """
    matching = select_contact_ids(session, rules=rules, now=now).subquery()
    with time_limit(session, seconds=timeout_seconds):
        return session.scalars(select(func.count()).select_from(matching)).one()


def sample(
    session: Session, *, rules: dict[str, Any], now: datetime, limit: int = SAMPLE_SIZE
) -> list[MatchingContact]:
    """Return up to ``limit`` people who match, the newest contacts first; raises as :func:`count_matching`."""
    return list_matching(session, rules=rules, now=now, limit=limit)


def list_matching(
    session: Session,
    *,
    rules: dict[str, Any],
    now: datetime,
    before_id: int | None = None,
    limit: int = 50,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> list[MatchingContact]:
    """Return one page of the people who match, the newest contacts first, older than ``before_id`` where given."""
    query = (
        select_contact_ids(session, rules=rules, now=now)
        .with_only_columns(
            Contact.id,
            Contact.email,
            Contact.given_name,
            Contact.family_name,
            Contact.language,
            Contact.created_at,
        )
        .order_by(Contact.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        query = query.where(Contact.id < before_id)
    with time_limit(session, seconds=timeout_seconds):
        return [MatchingContact(*row) for row in session.execute(query)]


@contextmanager
def time_limit(session: Session, *, seconds: float) -> Iterator[None]:
    """Let PostgreSQL give up what is read inside after ``seconds``; the session can still be used after that.

    Only for reading: the savepoint is always rolled back, which also ends the limit without another round trip.
    """
    session.flush()
    savepoint = session.connection().begin_nested()
    try:
        session.execute(SET_TIMEOUT, {"value": f"{round(seconds * 1000)}ms"})
        yield
    except OperationalError as error:
        if isinstance(error.orig, QueryCanceled):
            raise CountTookTooLong(
                f"Counting took longer than {seconds:g} seconds and was given up; try again, or use fewer conditions.",
                seconds=seconds,
            ) from error
        raise
    finally:
        savepoint.rollback()
