"""What people and the clock do with a campaign: schedule, start, pause, resume, cancel, hold, release.

Every move goes through one table, on a locked row. Pumps read state and hold at every window, so a move
takes effect from the next window on; no message row is touched.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from campaigns import preflight, queue, work
from campaigns.delivery.audience import NoSuchCampaign
from campaigns.delivery.compile_revision import is_compiled
from campaigns.delivery.freeze import wake_campaign
from campaigns.delivery.planned_time import instant_of
from campaigns.delivery.seen import accept_database
from campaigns.errors import Conflict, InvalidInput
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.installation import Installation
from campaigns.models.work import Work, WorkKind, WorkState
from campaigns.settings import get_settings

S = CampaignState

TRANSITIONS: Mapping[CampaignState, frozenset[CampaignState]] = {
    S.draft: frozenset({S.scheduled, S.starting}),
    S.scheduled: frozenset({S.draft, S.starting, S.held, S.cancelled}),
    S.starting: frozenset({S.sending, S.draft, S.paused, S.held, S.cancelled}),
    S.sending: frozenset({S.paused, S.held, S.cancelled, S.sent}),
    S.paused: frozenset({S.starting, S.sending, S.cancelled}),
    S.held: frozenset({S.draft, S.starting, S.sending, S.cancelled}),
    S.sent: frozenset(),
    S.cancelled: frozenset(),
}

DOING = {
    S.draft: "put back to a draft",
    S.scheduled: "scheduled",
    S.starting: "started",
    S.sending: "sent",
    S.paused: "paused",
    S.held: "held",
    S.sent: "marked as sent",
    S.cancelled: "cancelled",
}


class WrongState(Conflict):
    """The campaign's state does not allow what was asked for. ``params``: ``state`` and ``wanted``."""

    code = "wrong_state"


def demand_move(state: str, wanted: CampaignState) -> None:
    """Raise :class:`WrongState` unless a campaign may go from ``state`` to ``wanted``."""
    if wanted not in TRANSITIONS[S(state)]:
        raise WrongState(f"A campaign that is {state} cannot be {DOING[wanted]}.", state=state, wanted=wanted.value)


class PlannedInThePast(InvalidInput):
    """The planned time is over already."""

    code = "planned_in_the_past"


def _lock(session: Session, campaign_id: int) -> Campaign:
    query = select(Campaign).where(Campaign.id == campaign_id).with_for_update()
    campaign = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if campaign is None:
        raise NoSuchCampaign("This campaign does not exist.")
    return campaign


def _demand_state(campaign: Campaign, needed: CampaignState, wanted: CampaignState) -> None:
    """Some moves are meant for one state only, though the table would allow them from others."""
    if campaign.state != needed:
        raise WrongState(
            f"This is for campaigns that are {needed}; this one is {campaign.state}.",
            state=campaign.state,
            wanted=wanted.value,
        )


def _move(
    session: Session,
    campaign: Campaign,
    state: CampaignState,
    now: datetime,
    *,
    reason: str | None = None,
    params: dict[str, Any] | None = None,
) -> Campaign:
    demand_move(campaign.state, state)
    campaign.state = state
    campaign.hold_reason, campaign.hold_params = reason, params
    campaign.updated_at = now
    session.flush()
    return campaign


def start(session: Session, *, campaign_id: int, now: datetime) -> Campaign:
    """Start a draft or scheduled campaign now.

    Raises :class:`campaigns.preflight.PreflightFailed` with what must be fixed first, ``WrongState`` and
    ``NoSuchCampaign``. Compiling and freezing follow in the background.
    """
    campaign = _lock(session, campaign_id)
    demand_move(campaign.state, CampaignState.starting)
    result = preflight.check(session, campaign_id=campaign_id, now=now)
    if not result.may_start:
        raise preflight.PreflightFailed(result.findings)
    return _begin(session, campaign, now)


def _begin(session: Session, campaign: Campaign, now: datetime) -> Campaign:
    """Go to ``starting`` and open the work that compiles and freezes."""
    _move(session, campaign, CampaignState.starting, now)
    campaign.started_at = campaign.started_at or now
    work.open_work(session, kind=WorkKind.start_campaign, subject_id=campaign.id, params={}, now=now)
    session.flush()
    return campaign


def schedule(session: Session, *, campaign_id: int, local: datetime, zone: str, now: datetime) -> Campaign:
    """Plan the start for a wall time (without tzinfo) in an IANA zone; a scheduled campaign is planned anew.

    Must-fix findings keep it from being scheduled, as they would keep it from starting. Raises
    ``PreflightFailed``, :class:`PlannedInThePast`, ``UnknownZone`` and ``WrongState``.
    """
    campaign = _lock(session, campaign_id)
    if campaign.state != CampaignState.scheduled:
        demand_move(campaign.state, CampaignState.scheduled)
    due_at = instant_of(local, zone)
    if due_at <= now:
        raise PlannedInThePast("This time is over: choose one that is still to come, or send now.", field="local")
    result = preflight.check(session, campaign_id=campaign_id, now=now)
    if not result.may_start:
        raise preflight.PreflightFailed(result.findings)
    campaign.planned_local, campaign.planned_zone, campaign.due_at = local.replace(tzinfo=None), zone, due_at
    if campaign.state == CampaignState.scheduled:
        campaign.updated_at = now
        session.flush()
        return campaign
    return _move(session, campaign, CampaignState.scheduled, now)


def unschedule(session: Session, *, campaign_id: int, now: datetime) -> Campaign:
    """Put a scheduled campaign back to a draft; raises ``WrongState``."""
    campaign = _lock(session, campaign_id)
    _demand_state(campaign, CampaignState.scheduled, CampaignState.draft)
    campaign.planned_local = campaign.planned_zone = campaign.due_at = None
    return _move(session, campaign, CampaignState.draft, now)


def pause(session: Session, *, campaign_id: int, now: datetime) -> Campaign:
    """Stop after the windows that are in hand; raises ``WrongState``."""
    return _move(session, _lock(session, campaign_id), CampaignState.paused, now)


def resume(session: Session, *, campaign_id: int, now: datetime) -> Campaign:
    """Go on with a paused campaign; an edit made meanwhile is compiled first and goes to all who are unsent."""
    campaign = _lock(session, campaign_id)
    _demand_state(campaign, CampaignState.paused, CampaignState.sending)
    return _go_on(session, campaign, now)


def _go_on(session: Session, campaign: Campaign, now: datetime) -> Campaign:
    if campaign.frozen_at is None or not is_compiled(session, campaign_id=campaign.id):
        return _begin(session, campaign, now)
    _move(session, campaign, CampaignState.sending, now)
    wake_campaign(session, campaign_id=campaign.id, now=now)
    queue.enqueue(session, queue.PUMP)
    return campaign


def cancel(session: Session, *, campaign_id: int, now: datetime) -> Campaign:
    """End a campaign for good: nobody gets it who has not been handed over yet. Raises ``WrongState``."""
    campaign = _lock(session, campaign_id)
    _move(session, campaign, CampaignState.cancelled, now)
    campaign.finished_at = now
    open_start = (Work.kind == WorkKind.start_campaign, Work.subject_id == campaign_id)
    waiting = update(Work).where(*open_start, Work.state == WorkState.waiting)
    session.execute(waiting.values(state=WorkState.cancelled, finished_at=now))
    session.flush()
    return campaign


def release(session: Session, *, campaign_id: int, now: datetime) -> Campaign:
    """Let a held campaign go on: a started one sends, one that was held before its start starts now.

    Raises ``PreflightFailed`` and ``WrongState``.
    """
    campaign = _lock(session, campaign_id)
    _demand_state(campaign, CampaignState.held, CampaignState.sending)
    if campaign.frozen_at is None:
        result = preflight.check(session, campaign_id=campaign_id, now=now)
        if not result.may_start:
            raise preflight.PreflightFailed(result.findings)
    return _go_on(session, campaign, now)


def release_installation(session: Session, *, now: datetime) -> None:
    """Let an installation that is held send again; a person looked and decided so."""
    values = {"held_at": None, "hold_reason": None, "hold_params": None}
    session.execute(update(Installation).where(Installation.id == 1).values(**values))
    accept_database(session, settings=get_settings(), now=now)
    queue.enqueue(session, queue.PUMP)


def pause_all(session: Session, *, now: datetime) -> int:
    """Pause whatever is being sent or started and hold what is scheduled; return how many campaigns that were."""
    stopped = update(Campaign).where(Campaign.state.in_([CampaignState.sending, CampaignState.starting]))
    planned = update(Campaign).where(Campaign.state == CampaignState.scheduled)
    paused = session.scalars(stopped.values(state=CampaignState.paused, updated_at=now).returning(Campaign.id)).all()
    reason = {"hold_reason": "paused_by_hand", "hold_params": {}, "updated_at": now}
    held = session.scalars(planned.values(state=CampaignState.held, **reason).returning(Campaign.id)).all()
    return len(paused) + len(held)


def start_due(session: Session, *, now: datetime) -> int:
    """Start the scheduled campaigns whose time has come and return how many were due.

    One that is later than ``late_seconds`` is held and says so (promise 3); so is one that its preflight stops.
    """
    query = (
        select(Campaign)
        .where(Campaign.state == CampaignState.scheduled, Campaign.due_at <= now)
        .order_by(Campaign.due_at)
        .limit(20)
        .with_for_update(skip_locked=True)
    )
    due = session.scalars(query).all()
    if session.get_one(Installation, 1, populate_existing=True).held_at is not None:
        return 0
    for campaign in due:
        _start_one(session, campaign, now)
    return len(due)


def _start_one(session: Session, campaign: Campaign, now: datetime) -> None:
    assert campaign.due_at is not None
    late = now - campaign.due_at
    if late > timedelta(seconds=get_settings().late_seconds):
        params = {"due_at": campaign.due_at.isoformat(), "late_seconds": int(late.total_seconds())}
        _move(session, campaign, CampaignState.held, now, reason="late", params=params)
        return
    result = preflight.check(session, campaign_id=campaign.id, now=now)
    if result.may_start:
        _begin(session, campaign, now)
        return
    codes = [finding.code for finding in result.must_fix]
    params = {"codes": codes, "message": " ".join(finding.message for finding in result.must_fix)}
    _move(session, campaign, CampaignState.held, now, reason="preflight_failed", params=params)
