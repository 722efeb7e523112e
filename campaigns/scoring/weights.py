"""What each kind of event is worth, and the decay in force."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.decay import Decay
from campaigns.models.event import EventKind
from campaigns.models.installation import Installation

IGNORED = "ignored"
DEFAULT_WEIGHTS: Mapping[str, float] = {
    EventKind.open: 6.0,
    EventKind.click: 18.0,
    EventKind.reply: 25.0,
    EventKind.unsubscribe: -20.0,
    EventKind.complaint: -60.0,
    EventKind.bounce: -10.0,
    IGNORED: -2.0,
}


@dataclass(frozen=True)
class Scale:
    """Weights by kind and the decay: all that turns events into a score."""

    weights: Mapping[str, float]
    decay: Decay

    def weight(self, kind: str) -> float:
        """Return what one event of ``kind`` is worth when it happens; 0 for kinds that move nothing."""
        return self.weights.get(kind, 0.0)


def read_scale(session: Session) -> Scale:
    """Return the installation's scale: its own weights over the default ones."""
    row = session.execute(
        select(Installation.weights, Installation.landmark, Installation.half_life_days).where(Installation.id == 1)
    ).one()
    own = {kind: float(weight) for kind, weight in row.weights.items()}
    return Scale({**DEFAULT_WEIGHTS, **own}, Decay(landmark=row.landmark, half_life_days=row.half_life_days))
