"""A campaign's page once it was started: what is happening, then what came of it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import redirect, render_template, url_for
from flask_babel import format_datetime
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from campaigns import clock
from campaigns.db import read_session
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.mailing_list import TrackingMode
from campaigns.models.message import MessageState
from campaigns.models.user import Role
from campaigns.reporting.campaign_report import CampaignReport, Engaged, campaign_report
from campaigns.reporting.charts import Line, line_chart, share_bar
from campaigns.reporting.links import link_report
from campaigns.reporting.series import HOURS, HourCount, first_hours
from web import wording
from web.access import allow
from web.campaigns.blueprint import BEFORE_START, find_campaign, pages, render_campaign
from web.campaigns.confirming import controls_of
from web.campaigns.running import MOVING, progress_values, write_hold
from web.languages import choose_zone, write_number, write_share

YOUNG = timedelta(days=3)
SMALL = 50_000
ACCOUNTED = (
    MessageState.skipped,
    MessageState.waiting,
    MessageState.sent,
    MessageState.failed,
    MessageState.uncertain,
    MessageState.cancelled,
)


@dataclass(frozen=True)
class Tile:
    """One number, what stands beside it, and how it is counted."""

    label: str
    value: str
    beside: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccountRow:
    """How many people are in a state, or, as part of it, there for one reason."""

    label: str
    count: int
    url: str = ""
    is_part: bool = False


@pages.get("/<campaign_id>")
@allow(Role.viewer)
def show(campaign_id: str) -> Response | str:
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        if campaign.state == CampaignState.draft:
            return redirect(url_for("campaigns.content", campaign_id=campaign_id))
        if campaign.state == CampaignState.scheduled:
            return redirect(url_for("campaigns.review", campaign_id=campaign_id))
        return render_campaign(
            session,
            campaign,
            "campaigns/report.html",
            "show",
            controls=controls_of(campaign.state, campaign_id),
            held_text=write_hold(campaign),
            nobody_text=_nobody_text(campaign),
            **progress_values(session, campaign),
            **_number_values(session, campaign, campaign_id),
        )


@pages.get("/<campaign_id>/numbers")
@allow(Role.viewer)
def numbers(campaign_id: str) -> Response | str:
    """The numbers alone, for the page that keeps itself up to date."""
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        if campaign.state in BEFORE_START:
            return redirect(url_for("campaigns.show", campaign_id=campaign_id), 303)
        values = _number_values(session, campaign, campaign_id)
        return render_template("campaigns/numbers.html", campaign=campaign, public=campaign_id, **values)


def _number_values(session: Session, campaign: Campaign, public: str) -> dict[str, Any]:
    report = campaign_report(session, campaign_id=campaign.id, now=clock.now())
    hours = _read_hours(session, report)
    return {
        "report": report,
        "tiles": result_tiles(report),
        "tracking_note": _tracking_note(report),
        "hours": hours,
        "write_hour": lambda start: format_datetime(start, "EEE HH:mm"),
        "chart": _draw(hours) if hours else None,
        "zone_note": _("Times in %(zone)s", zone=str(choose_zone())),
        "links": _link_rows(session, report),
        "accounts": _accounts(report, public),
        "numbers_every": _refresh_seconds(report),
    }


def _nobody_text(campaign: Campaign) -> str:
    """Say so where a campaign ended or stands before anybody was even counted."""
    if campaign.frozen_at is not None or campaign.state in MOVING:
        return ""
    return _("Nobody was sent anything: it has not begun.")


def _refresh_seconds(report: CampaignReport) -> int:
    """Young campaigns keep their page up to date; large ones less often, since counting them costs more."""
    if report.state in MOVING:
        return 4 if report.candidates <= SMALL else 30
    since = report.started_at
    if since is None or report.counted_at - since > YOUNG or report.tracking_mode == TrackingMode.none:
        return 0
    return 4 if report.candidates <= SMALL else 30


def result_tiles(report: CampaignReport) -> list[Tile]:
    """Return the five numbers that a campaign is judged by."""
    return [
        Tile(
            _("Handed over"),
            write_number(report.handed_over),
            write_share(report.handed_over, report.candidates),
            (_("Accepted by the next mail server; whether it reached the inbox nobody can know."),),
        ),
        _engaged_tile(_("Opened"), report, report.opened, _("A click counts as an open.")),
        _engaged_tile(_("Clicked"), report, report.clicked, _("Each person counts once.")),
        Tile(
            _("Unsubscribed"),
            write_share(report.unsubscribed, report.handed_over),
            write_number(report.unsubscribed),
            (
                _of_handed_over(report),
                *_if_any(report.complained, _("%(n)s marked it as spam", n=write_number(report.complained))),
            ),
        ),
        Tile(
            _("Not handed over"),
            write_number(report.failed + report.uncertain),
            "",
            (
                _("%(n)s failed", n=write_number(report.failed)),
                _("%(n)s uncertain", n=write_number(report.uncertain)),
                *_if_any(report.bounced, _("%(n)s came back later", n=write_number(report.bounced))),
            ),
        ),
    ]


def _engaged_tile(label: str, report: CampaignReport, engaged: Engaged, how: str) -> Tile:
    notes = [_of_handed_over(report), how]
    notes += _if_any(engaged.settling, _("%(n)s settling", n=write_number(engaged.settling)))
    notes += _if_any(
        engaged.machine_only, _("%(n)s by machines only, not counted", n=write_number(engaged.machine_only))
    )
    return Tile(label, write_share(engaged.people, report.handed_over), write_number(engaged.people), tuple(notes))


def _of_handed_over(report: CampaignReport) -> str:
    return _("of %(n)s handed over", n=write_number(report.handed_over))


def _if_any(count: int, note: str) -> tuple[str, ...]:
    return (note,) if count else ()


def _tracking_note(report: CampaignReport) -> str:
    if report.tracking_mode == TrackingMode.none:
        return _("This list is not tracked, so nobody knows who opened or clicked.")
    if report.tracking_mode == TrackingMode.aggregate:
        return _("This list is tracked in totals only, so opens and clicks are not told apart by person.")
    return ""


def _read_hours(session: Session, report: CampaignReport) -> list[HourCount]:
    if report.started_at is None or report.tracking_mode != TrackingMode.individual or not report.handed_over:
        return []
    return first_hours(session, campaign_id=report.campaign_id, started_at=report.started_at, now=report.counted_at)


def _draw(hours: list[HourCount]) -> Markup:
    opened, clicked = [hour.opened for hour in hours], [hour.clicked for hour in hours]
    slots = [hours[0].start + timedelta(hours=n) for n in range(HOURS)]
    svg = line_chart(
        element_id="hours",
        title=_("First 48 hours"),
        description=_(
            "%(opened)s people opened and %(clicked)s clicked in the hours shown. The table below says the same.",
            opened=write_number(sum(opened)),
            clicked=write_number(sum(clicked)),
        ),
        labels=[format_datetime(slot, "HH:mm") for slot in slots],
        lines=[Line(_("Opened"), "chart-opens", opened), Line(_("Clicked"), "chart-clicks", clicked)],
        write_number=write_number,
    )
    return Markup(svg)  # noqa: S704 -- drawn by our own code, which escapes every text


def _link_rows(session: Session, report: CampaignReport) -> list[dict[str, Any]]:
    rows = []
    for link in link_report(session, campaign_id=report.campaign_id):
        share = link.people / report.clicked.people if report.clicked.people else 0.0
        rows.append(
            {
                "label": link.label,
                "target": link.target,
                "people": link.people,
                "settling": link.settling,
                "machine_clicks": link.machine_clicks,
                "share": write_share(link.people, report.clicked.people),
                "bar": Markup(share_bar(share)),  # noqa: S704 -- drawn by our own code from a number
            }
        )
    return rows


def _accounts(report: CampaignReport, public: str) -> list[AccountRow]:
    """Everybody in exactly one place; below each place the reasons that led there."""
    counts = {
        MessageState.skipped: report.skipped,
        MessageState.waiting: report.waiting,
        MessageState.sent: report.handed_over,
        MessageState.failed: report.failed,
        MessageState.uncertain: report.uncertain,
        MessageState.cancelled: report.cancelled,
    }
    rows = []
    for state in ACCOUNTED:
        if not counts[state]:
            continue
        url = url_for("campaigns.messages", campaign_id=public, state=state.name)
        rows.append(AccountRow(wording.message_state(state.name), counts[state], url))
        rows += [
            AccountRow(
                wording.reason(row.reason),
                row.count,
                url_for("campaigns.messages", campaign_id=public, state=state.name, reason=row.reason.name),
                is_part=True,
            )
            for row in report.reasons_for(state)
            if row.reason
        ]
    return rows
