"""What "now", "today" and a score mean while one set of rules is compiled."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.decay import Decay
from campaigns.models.installation import Installation


@dataclass(frozen=True)
class Moment:
    """The instant, the installation's zone (days begin at its midnight) and the decay in force."""

    now: datetime
    zone: ZoneInfo
    decay: Decay

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    def ago(self, days: int) -> datetime:
        """Return the instant ``days`` times 24 hours before now."""
        return self.now - timedelta(days=days)

    def day_start(self, day: date) -> datetime:
        """Return the instant at which ``day`` begins, in UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def day_end(self, day: date) -> datetime:
        """Return the instant at which the day after ``day`` begins, in UTC."""
        return self.day_start(day + timedelta(days=1)) if day < date.max else datetime.max.replace(tzinfo=UTC)


def load_moment(session: Session, *, now: datetime) -> Moment:
    """Return the moment of ``now`` in this installation."""
    row = session.execute(select(Installation.time_zone, Installation.landmark, Installation.half_life_days)).one()
    return Moment(now, ZoneInfo(row.time_zone), Decay(row.landmark, row.half_life_days))
