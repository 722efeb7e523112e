"""Wall time and zone → the instant they mean."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from campaigns.errors import InvalidInput


class UnknownZone(InvalidInput):
    """The time zone is not in the IANA database."""

    code = "unknown_zone"


def instant_of(local: datetime, zone: str) -> datetime:
    """Return the UTC instant of a wall time (without tzinfo) in an IANA zone.

    A time that the clocks skip means the first moment after the gap; one that they show twice means the first of
    the two. Raises :class:`UnknownZone`.
    """
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(f"There is no time zone {zone!r}: choose one such as Europe/Berlin.", field="zone") from error
    naive = local.replace(tzinfo=None, fold=0)
    first = naive.replace(tzinfo=place)
    instant = first.astimezone(UTC)
    if instant.astimezone(place).replace(tzinfo=None) == naive:
        return instant
    return _after_gap(naive, place)


def _after_gap(naive: datetime, place: ZoneInfo) -> datetime:
    """Return the instant at which the clocks jumped over ``naive``."""
    # Of a skipped time, fold 0 reads it with the offset before the jump, fold 1 with the one after it.
    late = naive.replace(tzinfo=place, fold=0).astimezone(UTC)
    early = naive.replace(tzinfo=place, fold=1).astimezone(UTC)
    before = early.astimezone(place).utcoffset()
    while late - early > timedelta(microseconds=1):
        middle = early + (late - early) / 2
        if middle.astimezone(place).utcoffset() == before:
            early = middle
        else:
            late = middle
    return (
        late.replace(microsecond=0) if late.microsecond == 0 else (late + timedelta(seconds=1)).replace(microsecond=0)
    )
