"""The blueprint, and what all campaign pages share: finding the campaign, its header and tabs, numbers as text."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, url_for
from flask_babel import format_date, format_time
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session

from campaigns.composing.editing import get_campaign
from campaigns.ids import decode_id, encode_id
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.mailing_list import MailingList
from campaigns.reporting.campaign_list import CampaignRow
from web import wording
from web.languages import choose_zone

pages = Blueprint("campaigns", __name__, url_prefix="/campaigns")

BEFORE_START = (CampaignState.draft, CampaignState.scheduled)


@dataclass(frozen=True)
class Tab:
    label: str
    url: str
    is_here: bool


WORDS: dict[str, Callable[..., str]] = {
    "campaign_state": wording.campaign_state,
    "campaign_tone": wording.campaign_tone,
    "message_state": wording.message_state,
    "message_tone": wording.message_tone,
    "reason_text": wording.reason,
}
for name, function in WORDS.items():
    pages.add_app_template_global(function, name)


def find_campaign(session: Session, public: str) -> Campaign:
    """Return the campaign of a URL; raises ``NotFound``."""
    return get_campaign(session, campaign_id=decode_id("campaign", public))


def render_campaign(session: Session, campaign: Campaign, template: str, here: str, **values: Any) -> str:
    """Return a page of one campaign under its header and tabs; ``here`` is the endpoint of the present tab."""
    public = encode_id("campaign", campaign.id)
    mailing_list = session.get_one(MailingList, campaign.list_id)
    return render_template(
        template,
        campaign=campaign,
        public=public,
        under=_describe(campaign, mailing_list.name),
        list_name=mailing_list.name,
        tabs=[
            Tab(label, url_for(f"campaigns.{name}", campaign_id=public), name == here)
            for name, label in _tabs(campaign)
        ],
        **{"is_swapped": False, "problem": "", **values},
    )


def _tabs(campaign: Campaign) -> list[tuple[str, str]]:
    if campaign.state in BEFORE_START:
        return [("content", _("Content")), ("audience", _("Audience")), ("review", _("Review and send"))]
    return [("show", _("Report")), ("messages", _("Messages")), ("content", _("Content")), ("audience", _("Audience"))]


def _describe(campaign: Campaign, list_name: str) -> Markup:
    url = url_for("lists.show", list_id=encode_id("list", campaign.list_id))
    link = Markup('<a href="{}"><bdi>{}</bdi></a>').format(url, list_name)
    return Markup(_("To {list} · {when}")).format(list=link, when=when_of(campaign))  # noqa: S704 -- our own sentence


@pages.app_template_global()
def when_of(campaign: Campaign | CampaignRow) -> str:
    """Return the moment that matters for a campaign in its state, in words."""
    if campaign.state == CampaignState.scheduled and campaign.planned_local and campaign.planned_zone:
        return _("Goes out %(when)s", when=write_plan(campaign.planned_local, campaign.planned_zone))
    if campaign.finished_at and campaign.state == CampaignState.sent:
        return _("Finished %(when)s", when=write_when(campaign.finished_at))
    if campaign.started_at:
        return _("Started %(when)s", when=write_when(campaign.started_at))
    return _("Edited %(when)s", when=write_when(campaign.updated_at))


def write_plan(local: datetime, zone: str) -> str:
    """Return a planned wall time with its zone named."""
    return _("%(when)s (%(zone)s)", when=_write_minute(local), zone=zone)


def write_when(moment: datetime) -> str:
    """Return an instant in the reader's zone, with the zone named, for inside a sentence."""
    local = moment.astimezone(choose_zone())
    return _("%(when)s %(zone)s", when=_write_minute(local.replace(tzinfo=None)), zone=local.strftime("%Z"))


def _write_minute(local: datetime) -> str:
    """Nobody plans or reads a mailing by the second."""
    day, time = format_date(local, "medium", rebase=False), format_time(local, "short", rebase=False)
    return _("%(day)s, %(time)s", day=day, time=time)
