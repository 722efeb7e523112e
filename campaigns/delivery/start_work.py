"""The background part of a start: compile the revision, freeze the audience, let the pumps go."""

import logging

from sqlalchemy.orm import Session

from campaigns import clock, queue, work
from campaigns.db import read_session, transaction
from campaigns.delivery.compile_revision import compile_source, load_source, save_compiled
from campaigns.delivery.freeze import freeze_audience
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.work import Work
from campaigns.rendering.problems import ContentErrors
from campaigns.settings import get_settings

log = logging.getLogger(__name__)

STEPS = 2
LEAST_LEASE_SECONDS = 5.0


def run_start(work_id: int) -> None:
    """Do the work ``start_campaign``: again from wherever a worker that died left it; both steps are idempotent."""
    lease_seconds = max(get_settings().lease_seconds, LEAST_LEASE_SECONDS)
    with transaction() as session:
        token = work.claim_work(session, work_id=work_id, lease_seconds=lease_seconds)
        campaign_id = session.get_one(Work, work_id).subject_id
    if token is None:
        return
    with read_session() as session:
        source = load_source(session, campaign_id=campaign_id)
    try:
        contents = compile_source(source)
    except ContentErrors as error:
        with transaction() as session:
            work.fail(session, work_id=work_id, token=token, error=str(error), now=clock.now())
            _give_back(session, campaign_id, str(error))
        return
    with transaction() as session:
        work.extend(
            session,
            work_id=work_id,
            token=token,
            lease_seconds=lease_seconds,
            progress_done=1,
            progress_total=STEPS,
        )
        save_compiled(session, campaign_id=campaign_id, contents=contents, now=clock.now())
    with transaction() as session:
        work.extend(session, work_id=work_id, token=token, lease_seconds=lease_seconds, progress_done=STEPS)
        if _is_starting(session, campaign_id):
            now = clock.now()
            batch_size = get_settings().batch_size
            people = freeze_audience(session, campaign_id=campaign_id, batch_size=batch_size, now=now)
            _move(session, campaign_id, CampaignState.sending)
            log.info("Campaign %d goes to %d people.", campaign_id, people)
            queue.enqueue(session, queue.PUMP)
        work.finish(session, work_id=work_id, token=token, now=clock.now())


def _is_starting(session: Session, campaign_id: int) -> bool:
    """Paused or cancelled meanwhile? Then nothing is frozen; a resume opens the work again."""
    campaign = session.get_one(Campaign, campaign_id, with_for_update=True)
    return campaign.state == CampaignState.starting


def _move(session: Session, campaign_id: int, state: CampaignState) -> None:
    campaign = session.get_one(Campaign, campaign_id)
    campaign.state = state
    campaign.updated_at = clock.now()
    session.flush()


def _give_back(session: Session, campaign_id: int, message: str) -> None:
    """A content that cannot be compiled goes back to its author: as a draft, or paused when part of it is out."""
    campaign = session.get_one(Campaign, campaign_id, with_for_update=True)
    if campaign.state != CampaignState.starting:
        return
    campaign.hold_reason, campaign.hold_params = "could_not_start", {"message": message}
    _move(session, campaign_id, CampaignState.draft if campaign.frozen_at is None else CampaignState.paused)
