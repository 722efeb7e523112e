"""How far a campaign is, read from its batch rows: about a thousand of them, never a million messages."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from campaigns.delivery.audience import get_campaign
from campaigns.models.campaign import CampaignState
from campaigns.models.message import Batch, BatchState

RATE_SECONDS = 10
LEAST_SENT_FOR_RATE = 20


@dataclass(frozen=True)
class Progress:
    """People by state; ``candidates`` is the sum of all others. None before the audience is frozen.

    ``rate_per_second`` is that of the last ten seconds; ``remaining_seconds`` is None until it can be known.
    """

    state: CampaignState
    candidates: int | None
    skipped: int
    waiting: int
    retry: int
    in_hand: int
    sent: int
    failed: int
    uncertain: int
    cancelled: int
    rate_per_second: float | None
    remaining_seconds: float | None


def campaign_progress(session: Session, *, campaign_id: int, now: datetime) -> Progress:
    """Return where every candidate of the campaign stands; raises ``NoSuchCampaign``."""
    campaign = get_campaign(session, campaign_id=campaign_id)
    session.refresh(campaign)
    state = CampaignState(campaign.state)
    sums = _sum_batches(session, campaign_id)
    settled = sums.sent + sums.failed + sums.deferred + sums.uncertain + sums.skipped
    in_hand = min(sums.in_hand, sums.total - settled)
    waiting = sums.total - settled - in_hand
    is_cancelled = state is CampaignState.cancelled
    rate = _rate(session, campaign_id) if state is CampaignState.sending else None
    left = waiting + in_hand
    return Progress(
        state=state,
        candidates=campaign.candidates,
        skipped=sums.skipped + sum(int(number) for number in (campaign.skipped or {}).values()),
        waiting=0 if is_cancelled else waiting,
        retry=0 if is_cancelled else sums.deferred,
        in_hand=in_hand,
        sent=sums.sent,
        failed=sums.failed,
        uncertain=sums.uncertain,
        cancelled=waiting + sums.deferred if is_cancelled else 0,
        rate_per_second=rate,
        remaining_seconds=left / rate if rate else None,
    )


def _sum_batches(session: Session, campaign_id: int) -> Row[int, int, int, int, int, int, int]:
    def total(column: object) -> object:
        return func.coalesce(func.sum(column), 0)

    in_hand = func.sum(Batch.handed_seq - Batch.marked_seq).filter(Batch.state == BatchState.sending)
    query = select(
        total(Batch.last_seq - Batch.first_seq + 1).label("total"),  # type: ignore[attr-defined]
        total(Batch.sent).label("sent"),  # type: ignore[attr-defined]
        total(Batch.failed).label("failed"),  # type: ignore[attr-defined]
        total(Batch.deferred).label("deferred"),  # type: ignore[attr-defined]
        total(Batch.uncertain).label("uncertain"),  # type: ignore[attr-defined]
        total(Batch.skipped).label("skipped"),  # type: ignore[attr-defined]
        func.coalesce(in_hand, 0).label("in_hand"),
    ).where(Batch.campaign_id == campaign_id)
    return session.execute(query).one()


# Messages of the batches that moved lately, and of those only the last stretch before the cursor.
RATE = text("""
SELECT count(*) AS people, extract(epoch FROM now() - min(m.sent_at)) AS seconds
FROM batch b
JOIN message m ON m.campaign_id = b.campaign_id AND m.seq BETWEEN b.first_seq AND b.marked_seq
WHERE b.campaign_id = :campaign_id AND b.updated_at > now() - make_interval(secs => :seconds)
    AND m.sent_at > now() - make_interval(secs => :seconds)
""")


def _rate(session: Session, campaign_id: int) -> float | None:
    """Messages a second over the last ten, or since sending began if that is less."""
    row = session.execute(RATE, {"campaign_id": campaign_id, "seconds": RATE_SECONDS}).one()
    if row.people < LEAST_SENT_FOR_RATE or not row.seconds or row.seconds < 1:
        return None
    return float(row.people) / float(row.seconds)
