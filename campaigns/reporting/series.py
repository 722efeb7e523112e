"""How opens and clicks came in over the first two days."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaigns.models.message import Message

HOURS = 48
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class HourCount:
    """People whose first open, or first click, fell into the hour that begins at ``start``."""

    start: datetime
    opened: int
    clicked: int


def first_hours(
    session: Session, *, campaign_id: int, started_at: datetime, now: datetime, hours: int = HOURS
) -> list[HourCount]:
    """Return one count an hour since the full hour of the start, up to now and at most ``hours`` of them.

    Each person is counted once for opening and once for clicking, so the sums are those of the report's tiles as far
    as they happened within these hours.
    """
    first = started_at.replace(minute=0, second=0, microsecond=0)
    opened = _count_by_hour(session, campaign_id, Message.opened_at, first, hours)
    clicked = _count_by_hour(session, campaign_id, Message.clicked_at, first, hours)
    elapsed = max(1, min(hours, (now - first) // HOUR + 1))
    return [HourCount(first + n * HOUR, opened.get(n, 0), clicked.get(n, 0)) for n in range(elapsed)]


def _count_by_hour(
    session: Session,
    campaign_id: int,
    column: InstrumentedAttribute[datetime | None],
    first: datetime,
    hours: int,
) -> dict[int, int]:
    hour = cast(func.floor(func.extract("epoch", column - first) / 3600), Integer)
    query = (
        select(hour, func.count())
        .where(Message.campaign_id == campaign_id, column >= first, column < first + hours * HOUR)
        .group_by(hour)
    )
    return {row[0]: row[1] for row in session.execute(query)}
