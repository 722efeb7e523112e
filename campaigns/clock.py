"""The one place that asks what time it is, so that tests can hold it still."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present instant, timezone-aware in UTC."""
    return datetime.now(UTC)
