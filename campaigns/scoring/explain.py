"""Why a score is what it is: "12 → 31, because …"."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.engagement import Engagement, EngagementEntry
from campaigns.scoring.entries import sum_mass
from campaigns.scoring.weights import read_scale


@dataclass(frozen=True)
class ScoreEntry:
    """What one thing is worth now, in points with fractions; all entries together make the score."""

    kind: str
    campaign_id: int | None
    occurred_at: datetime
    points: float


@dataclass(frozen=True)
class ScoreStep:
    """The score just before and just after a thing happened, as it was shown then."""

    kind: str
    campaign_id: int | None
    occurred_at: datetime
    before: int
    after: int


@dataclass(frozen=True)
class ScoreExplanation:
    """A contact's score (0 to 100), its entries newest first, and how it moved, oldest step first."""

    score: int
    measured: bool
    entries: tuple[ScoreEntry, ...]
    steps: tuple[ScoreStep, ...]


def explain_score(session: Session, *, contact_id: int, now: datetime) -> ScoreExplanation:
    """Return a contact's score with everything it is made of; 0 without entries for somebody unknown."""
    decay = read_scale(session).decay
    rows = session.scalars(
        select(EngagementEntry)
        .where(EngagementEntry.contact_id == contact_id)
        .order_by(EngagementEntry.occurred_at, EngagementEntry.kind, EngagementEntry.source)
    ).all()
    steps = []
    for number, row in enumerate(rows):
        before = sum_mass([earlier.contribution for earlier in rows[:number]])
        after = sum_mass([earlier.contribution for earlier in rows[: number + 1]])
        at = row.occurred_at
        step = ScoreStep(row.kind, row.campaign_id, at, decay.score(before, at), decay.score(after, at))
        steps.append(step)
    entries = [
        ScoreEntry(row.kind, row.campaign_id, row.occurred_at, decay.points(row.contribution, now)) for row in rows
    ]
    measured = session.scalar(select(Engagement.measured).where(Engagement.contact_id == contact_id)) or False
    score = current_scores(session, contact_ids=[contact_id], now=now)[contact_id]
    return ScoreExplanation(score, measured, tuple(reversed(entries)), tuple(steps))


def current_scores(session: Session, *, contact_ids: Collection[int], now: datetime) -> dict[int, int]:
    """Return the score of each contact (0 to 100); 0 for who has none."""
    decay = read_scale(session).decay
    query = select(Engagement.contact_id, Engagement.mass).where(Engagement.contact_id.in_(list(contact_ids)))
    masses = dict(session.execute(query).all())
    return {contact_id: decay.score(masses.get(contact_id, 0.0), now) for contact_id in contact_ids}
