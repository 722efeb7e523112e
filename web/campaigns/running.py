"""While it is being sent: how far it is, and pause, go on, cancel, release."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from campaigns import clock, lifecycle
from campaigns.accounts import audit
from campaigns.db import read_session, transaction
from campaigns.delivery.progress import Progress, campaign_progress
from campaigns.errors import Conflict, InvalidInput
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.user import Role
from web.access import allow
from web.campaigns.blueprint import find_campaign, pages
from web.campaigns.confirming import ask_first
from web.languages import write_number
from web.visitor import current_actor

MOVING = (CampaignState.starting, CampaignState.sending)
STANDING = (CampaignState.paused, CampaignState.held)


@pages.get("/<campaign_id>/progress")
@allow(Role.viewer)
def progress(campaign_id: str) -> Response | str:
    """The progress alone. When the state is no more the one that the page shows, the page is to be loaded anew."""
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        seen = request.args.get("seen", campaign.state)
        values = progress_values(session, campaign)
        if campaign.state != seen or values["progress"] is None:
            return redirect(url_for("campaigns.show", campaign_id=campaign_id), 303)
        return render_template("campaigns/progress.html", campaign=campaign, public=campaign_id, **values)


def progress_values(session: Session, campaign: Campaign) -> dict[str, Any]:
    """Return what the progress card shows: nothing unless the campaign is under way and its people are counted."""
    if campaign.state not in MOVING + STANDING or (campaign.state in STANDING and campaign.frozen_at is None):
        return {"progress": None}
    now = campaign_progress(session, campaign_id=campaign.id, now=clock.now())
    done = now.sent + now.failed + now.uncertain
    total = done + now.waiting + now.retry + now.in_hand + now.cancelled
    return {
        "progress": {"done": done, "total": total},
        "progress_title": _title_of(campaign.state),
        "progress_note": "",
        "progress_text": _text_of(campaign, now, done, total),
        "rate_text": _rate_of(now),
        "progress_parts": _parts_of(now),
        "is_live": True,
    }


def _title_of(state: str) -> str:
    return {
        CampaignState.starting: _("Getting ready"),
        CampaignState.sending: _("Sending"),
        CampaignState.paused: _("Paused"),
        CampaignState.held: _("Held"),
    }[CampaignState(state)]


def _text_of(campaign: Campaign, now: Progress, done: int, total: int) -> str:
    if campaign.frozen_at is None:
        return _("The content is being compiled and everybody is being counted.")
    return _("%(done)s of %(total)s done", done=write_number(done), total=write_number(total))


def _rate_of(now: Progress) -> str:
    if now.rate_per_second is None:
        return ""
    rate = _("%(rate)s a second", rate=write_number(round(now.rate_per_second)))
    return _("%(rate)s, %(left)s", rate=rate, left=write_remaining(now.remaining_seconds))


def write_remaining(seconds: float | None) -> str:
    """Return how long it will still take, no more exact than it can be known."""
    if seconds is None:
        return _("remaining time not known yet")
    if seconds < 60:
        return _("less than a minute left")
    if seconds < 5400:
        minutes = round(seconds / 60)
        return ngettext("about %(num)d minute left", "about %(num)d minutes left", minutes)
    hours = round(seconds / 3600)
    return ngettext("about %(num)d hour left", "about %(num)d hours left", hours)


def _parts_of(now: Progress) -> list[str]:
    parts = [
        (_("Handed over: %(number)s", number=write_number(now.sent)), True),
        (_("Waiting: %(number)s", number=write_number(now.waiting + now.in_hand)), True),
        (_("To be tried again: %(number)s", number=write_number(now.retry)), now.retry),
        (_("Failed: %(number)s", number=write_number(now.failed)), now.failed),
        (_("Uncertain: %(number)s", number=write_number(now.uncertain)), now.uncertain),
        (_("Skipped: %(number)s", number=write_number(now.skipped)), now.skipped),
    ]
    return [text for text, is_shown in parts if is_shown]


def write_hold(campaign: Campaign) -> str:
    """Return why a campaign is held and what to do."""
    if campaign.state != CampaignState.held:
        return ""
    params = campaign.hold_params or {}
    return {
        "late": _("Its time passed while nothing was running, so it is held. Release it to send it now, or cancel it."),
        "preflight_failed": _(
            "It could not start by itself: %(what)s Mend it and release it.", what=params.get("message", "")
        ),
        "paused_by_hand": _("Everything was paused. Release it to send it now, or cancel it."),
    }.get(
        campaign.hold_reason or "",
        _("It is held (%(reason)s). Release it to go on, or cancel it.", reason=campaign.hold_reason or "–"),
    )


def _move(public: str, deed: Callable[..., Campaign], action: str) -> Response:
    now = clock.now()
    try:
        with transaction() as session:
            campaign = find_campaign(session, public)
            deed(session, campaign_id=campaign.id, now=now)
            audit.record(session, actor=current_actor(), action=action, subject=public, now=now)
    except (Conflict, InvalidInput) as error:
        flash(str(error), "bad")
    return redirect(url_for("campaigns.show", campaign_id=public), 303)


@pages.post("/<campaign_id>/pause")
@allow(Role.editor)
@ask_first("pause")
def pause(campaign_id: str) -> Response:
    return _move(campaign_id, lifecycle.pause, "campaign.paused")


@pages.post("/<campaign_id>/resume")
@allow(Role.editor)
@ask_first("resume")
def resume(campaign_id: str) -> Response:
    return _move(campaign_id, lifecycle.resume, "campaign.resumed")


@pages.post("/<campaign_id>/cancel")
@allow(Role.editor)
@ask_first("cancel")
def cancel(campaign_id: str) -> Response:
    return _move(campaign_id, lifecycle.cancel, "campaign.cancelled")


@pages.post("/<campaign_id>/release")
@allow(Role.editor)
@ask_first("release")
def release(campaign_id: str) -> Response:
    return _move(campaign_id, lifecycle.release, "campaign.released")
