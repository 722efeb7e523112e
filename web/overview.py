"""The first page: what needs me, the latest result, and the next step while there is little to show."""

from dataclasses import dataclass

from flask import Blueprint, Response, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Redirect

from campaigns import clock, lifecycle
from campaigns.accounts import audit
from campaigns.db import read_session, transaction
from campaigns.models.campaign import Campaign
from campaigns.models.contact import Contact
from campaigns.models.segment import Segment
from campaigns.models.user import Role
from campaigns.reporting.campaign_list import list_campaigns
from campaigns.reporting.campaign_report import campaign_report
from campaigns.reporting.overview import Need, NeedKind, latest_sent, what_needs_me
from web import confirm, visitor, wording
from web.access import allow
from web.campaigns.blueprint import write_plan
from web.campaigns.report import Tile, result_tiles
from web.languages import write_plain_instant

blueprint = Blueprint("overview", __name__)


@dataclass(frozen=True)
class NeedLine:
    """One campaign that wants a look, in words."""

    need: Need
    label: str
    tone: str
    text: str


@dataclass(frozen=True)
class Result:
    """What became of the campaign that went out last."""

    campaign: Campaign
    tiles: list[Tile]


@blueprint.get("/")
@allow(Role.viewer)
def show() -> str:
    with read_session() as session:
        have = session.execute(select(*(exists(select(table.id)) for table in (Contact, Segment, Campaign)))).one()
        needs = [_word(need) for need in what_needs_me(session, now=clock.now())]
        latest = list_campaigns(session, limit=5)
        result = _latest_result(session)
    return render_template(
        "overview/show.html", have=have, needs=needs, latest=latest.rows, result=result, url_if=url_if, words=wording
    )


def _latest_result(session: Session) -> Result | None:
    number = latest_sent(session)
    if number is None:
        return None
    campaign = session.get_one(Campaign, number)
    report = campaign_report(session, campaign_id=number, now=clock.now())
    return Result(campaign, result_tiles(report)) if report.candidates else None


def _word(need: Need) -> NeedLine:
    when = write_plain_instant(need.at)
    planned = write_plan(need.planned_local, need.planned_zone or "") if need.planned_local else when
    uncertain = ngettext("%(num)d message is uncertain", "%(num)d messages are uncertain", need.count)
    label, tone, text = {
        NeedKind.held: (_("Held"), "bad", _("It waits for you to release it.")),
        NeedKind.uncertain: (_("Uncertain"), "warn", uncertain),
        NeedKind.paused: (_("Paused"), "warn", _("It goes on when you resume it.")),
        NeedKind.sending: (_("Sending"), "info", _("Under way since %(when)s.", when=when)),
        NeedKind.scheduled: (
            _("Scheduled"),
            "info",
            _("Goes out %(when)s.", when=planned),
        ),
        NeedKind.draft: (_("Draft"), "", _("Edited %(when)s.", when=when)),
    }[need.kind]
    return NeedLine(need, label, tone, text)


def url_if(endpoint: str) -> str | None:
    """Return the address of a page, or ``None`` where this installation has no such page."""
    return url_for(endpoint) if endpoint in current_app.view_functions else None


@blueprint.post("/release")
@allow(Role.owner)
def release() -> Response | Redirect:
    """Let a held installation send again."""
    if not confirm.is_confirmed():
        return confirm.ask(
            confirm.Question(
                _("Release sending?"),
                _(
                    "Campaigns that are under way go on at once. "
                    "Make sure that no other copy of this installation is sending."
                ),
                _("Release sending"),
                url_for("overview.show"),
            )
        )
    with transaction() as session:
        lifecycle.release_installation(session, now=clock.now())
        audit.record(session, actor=visitor.current_actor(), action="installation.released", now=clock.now())
    flash(_("Sending goes on."), "good")
    return redirect(url_for("overview.show"), 303)
