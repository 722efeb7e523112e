"""Monthly partitions of ``event`` and ``hit``."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

PARTITIONED = ("event", "hit")
MONTHS_AHEAD = 3


def month_start(year: int, month: int) -> datetime:
    """Return the first instant of a month; ``month`` may run past 12."""
    return datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=UTC)


def ensure_partitions(session: Session, *, now: datetime) -> None:
    """Make the partitions of this month and the next three, where they are missing.

    Rows outside every month lie in the default partition, so a missing month loses nothing; but a month whose
    rows already lie in the default partition can't be split off, so it is left alone.
    """
    for table in PARTITIONED:
        for ahead in range(MONTHS_AHEAD + 1):
            start, end = month_start(now.year, now.month + ahead), month_start(now.year, now.month + ahead + 1)
            name = f"{table}_{start:%Y_%m}"
            if session.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is None:
                _make(session, table, name, start, end)


def _make(session: Session, table: str, name: str, start: datetime, end: datetime) -> None:
    column = "occurred_at" if table == "event" else "received_at"
    strays = text(f"SELECT 1 FROM {table}_default WHERE {column} >= :start AND {column} < :end LIMIT 1")  # noqa: S608
    if session.scalar(strays, {"start": start, "end": end}) is None:
        session.execute(
            text(
                f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} "
                f"FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
            )
        )
