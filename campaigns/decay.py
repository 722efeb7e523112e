"""Forward exponential decay (Cormode, Shkapenyuk, Srivastava, Xu: Forward Decay, ICDE 2009). Pure arithmetic.

An event of weight w at time t contributes w · 2^((t − landmark) / half-life) to a contact's mass, for ever. The points
it is worth at a later time are that contribution times 2^(−(now − landmark) / half-life). Dividing everybody by the
same number keeps order and sign, so the database indexes mass and nothing is recomputed as time passes.
"""

from dataclasses import dataclass
from datetime import datetime

MAX_SCORE = 100
CLAMP_HALF_LIVES = 400.0  # keeps 2^x far inside float8 whatever clock an event came from


@dataclass(frozen=True)
class Decay:
    """The landmark and half-life in force."""

    landmark: datetime
    half_life_days: float

    def growth(self, at: datetime) -> float:
        """Return 2^((at − landmark) / half-life), the exponent clamped to ± 400 half-lives."""
        half_lives = (at - self.landmark).total_seconds() / 86400.0 / self.half_life_days
        return float(2.0 ** max(-CLAMP_HALF_LIVES, min(CLAMP_HALF_LIVES, half_lives)))

    def contribution(self, weight: float, at: datetime) -> float:
        """Return what an event of ``weight`` at time ``at`` adds to the mass."""
        return weight * self.growth(at)

    def points(self, mass: float, now: datetime) -> float:
        """Return what ``mass`` is worth at ``now``, unrounded and unclamped."""
        return mass / self.growth(now)

    def score(self, mass: float, now: datetime) -> int:
        """Return the score shown to people: points rounded, 0 to 100."""
        return max(0, min(MAX_SCORE, round(self.points(mass, now))))

    def mass_at_score(self, score: float, now: datetime) -> float:
        """Return the least mass whose shown score is at least ``score`` at ``now``: one constant for an index."""
        return (score - 0.5) * self.growth(now)
