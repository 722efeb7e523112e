"""A campaign is sent when nothing of it is open any more."""

from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.message import Batch, BatchState, MessageRetry


def finish_campaigns(session: Session, *, now: datetime) -> list[int]:
    """Mark campaigns as sent that have no open batch and no message to try again; return their numbers."""
    open_batch = exists(select(1)).where(
        Batch.campaign_id == Campaign.id, Batch.state.in_([BatchState.waiting, BatchState.sending])
    )
    open_retry = exists(select(1)).where(MessageRetry.campaign_id == Campaign.id)
    done = update(Campaign).where(Campaign.state == CampaignState.sending, ~open_batch, ~open_retry)
    finished = done.values(state=CampaignState.sent, finished_at=now, updated_at=now).returning(Campaign.id)
    return list(session.scalars(finished))
