"""Before it goes out: the numbers, what must be mended, a test, now or later."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import available_timezones

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from campaigns import clock, lifecycle, preflight
from campaigns.accounts import audit
from campaigns.composing import drafts
from campaigns.composing.readers import search_readers
from campaigns.db import read_session, transaction
from campaigns.delivery.preview_campaign import preview_campaign
from campaigns.delivery.test_send import send_test
from campaigns.errors import Conflict, InvalidInput, TidingsError
from campaigns.ids import decode_id
from campaigns.keys import load_key_ring
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.sender import Sender
from campaigns.models.user import Role
from campaigns.preflight import Finding, Severity
from campaigns.settings import get_settings
from web import wording
from web.access import allow
from web.campaigns.audience import sort_reasons
from web.campaigns.blueprint import BEFORE_START, find_campaign, pages, render_campaign, write_plan
from web.campaigns.confirming import ask_first
from web.campaigns.preview import choose_reader
from web.languages import choose_zone, write_number
from web.visitor import current_actor, current_visitor


@dataclass(frozen=True)
class ShownFinding:
    """A finding as a line of the page, with the place where it is mended."""

    tone: str
    label: str
    message: str
    url: str


@dataclass(frozen=True)
class Plan:
    """What stands in the form for a later start."""

    date: str
    time: str
    zone: str


@pages.get("/<campaign_id>/review")
@allow(Role.viewer)
def review(campaign_id: str) -> Response | str:
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        if campaign.state not in BEFORE_START:
            return redirect(url_for("campaigns.show", campaign_id=campaign_id), 303)
        return _render(session, campaign, campaign_id)


def _render(session: Session, campaign: Campaign, public: str, problem: str = "", plan: Plan | None = None) -> str:
    checked = preflight.check(session, campaign_id=campaign.id, now=clock.now())
    sender = session.get_one(Sender, campaign.sender_id)
    words = drafts.current_contents(session, campaign_id=campaign.id)[0]
    people = checked.counts.will_get
    user = current_visitor()
    return render_campaign(
        session,
        campaign,
        "campaigns/review.html",
        "review",
        problem=problem,
        count_problem="",
        counts=checked.counts,
        less=sort_reasons,
        findings=[_show(finding, public) for finding in checked.findings],
        findings_title=_title(checked.findings),
        is_blocked=not checked.may_start,
        content=words,
        sender=sender,
        chosen=drafts.chosen_segments(session, campaign_id=campaign.id),
        readers=search_readers(session, list_id=campaign.list_id, search="", limit=50),
        test_to=user.email if user and not user.email.endswith("@localhost") else sender.reply_to or sender.from_email,
        send_title=_("Send this campaign now?"),
        send_text=ngettext(
            "%(people)s person gets “%(subject)s” from %(sender)s.",
            "%(people)s people get “%(subject)s” from %(sender)s.",
            people,
            people=write_number(people),
            subject=_subject_as_read(session, campaign),
            sender=f"{sender.from_name} <{sender.from_email}>",
        ),
        plan=plan or _suggest_plan(),
        planned_text=_planned(campaign),
        zones=sorted(available_timezones()),
    )


def _subject_as_read(session: Session, campaign: Campaign) -> str:
    """The subject as the list's first member gets it: nobody recognises a mail by its merge tags."""
    reader = choose_reader(session, campaign, None)
    as_contact_id = reader.contact_id if reader else None
    return preview_campaign(session, campaign_id=campaign.id, as_contact_id=as_contact_id).subject


def _title(findings: tuple[Finding, ...]) -> str:
    must = sum(finding.severity is Severity.must_fix for finding in findings)
    if must:
        return ngettext("%(num)d thing must be mended", "%(num)d things must be mended", must)
    return _("Ready to go out")


def _show(finding: Finding, public: str) -> ShownFinding:
    tone, label = {
        Severity.must_fix: ("bad", _("Must be mended")),
        Severity.warning: ("warn", _("Look at this")),
        Severity.advice: ("info", _("Advice")),
    }[finding.severity]
    return ShownFinding(tone, label, wording.finding(finding), _place_of(finding.code, public))


def _place_of(code: str, public: str) -> str:
    """Return where a finding is mended."""
    if code == "nobody":
        return url_for("campaigns.audience", campaign_id=public)
    if code in ("no_from", "no_company", "no_postal_address"):
        return url_for("settings.senders")
    if code in ("installation_held", "public_url_is_loopback"):
        return ""
    return url_for("campaigns.content", campaign_id=public)


def _suggest_plan() -> Plan:
    """Tomorrow at nine, where the person who plans it lives."""
    zone = choose_zone()
    tomorrow = clock.now().astimezone(zone) + timedelta(days=1)
    return Plan(tomorrow.strftime("%Y-%m-%d"), "09:00", str(zone))


def _planned(campaign: Campaign) -> str:
    if campaign.state != CampaignState.scheduled or not campaign.planned_local or not campaign.planned_zone:
        return ""
    return _(
        "It goes out by itself %(when)s. Until then nothing can be changed.",
        when=write_plan(campaign.planned_local, campaign.planned_zone),
    )


@pages.post("/<campaign_id>/test")
@allow(Role.editor)
def test(campaign_id: str) -> Response | tuple[str, int]:
    reader = request.form.get("as", "")
    addresses = [part.strip() for part in request.form.get("to", "").replace(";", ",").split(",") if part.strip()]
    try:
        with transaction() as session:
            campaign = find_campaign(session, campaign_id)
            count = send_test(
                session,
                campaign_id=campaign.id,
                to_emails=addresses,
                as_contact_id=decode_id("contact", reader) if reader else None,
                language=None,
                key_ring=load_key_ring(get_settings()),
                now=clock.now(),
            )
    except InvalidInput as error:
        return _again(campaign_id, error)
    flash(ngettext("One test mail is on its way.", "%(num)d test mails are on their way.", count), "good")
    return redirect(url_for("campaigns.review", campaign_id=campaign_id), 303)


@pages.post("/<campaign_id>/start")
@allow(Role.editor)
@ask_first("start")
def start(campaign_id: str) -> Response | tuple[str, int]:
    now = clock.now()
    try:
        with transaction() as session:
            campaign = find_campaign(session, campaign_id)
            lifecycle.start(session, campaign_id=campaign.id, now=now)
            audit.record(session, actor=current_actor(), action="campaign.started", subject=campaign_id, now=now)
    except (InvalidInput, Conflict) as error:
        return _again(campaign_id, error)
    return redirect(url_for("campaigns.show", campaign_id=campaign_id), 303)


@pages.post("/<campaign_id>/schedule")
@allow(Role.editor)
def schedule(campaign_id: str) -> Response | tuple[str, int]:
    form = request.form
    plan = Plan(form.get("date", ""), form.get("time", ""), form.get("zone", "").strip())
    now = clock.now()
    try:
        with transaction() as session:
            campaign = find_campaign(session, campaign_id)
            local = _read_local(plan)
            lifecycle.schedule(session, campaign_id=campaign.id, local=local, zone=plan.zone, now=now)
            audit.record(session, actor=current_actor(), action="campaign.scheduled", subject=campaign_id, now=now)
    except (InvalidInput, Conflict) as error:
        return _again(campaign_id, error, plan)
    return redirect(url_for("campaigns.review", campaign_id=campaign_id), 303)


class UnreadableTime(InvalidInput):
    code = "unreadable_time"


def _read_local(plan: Plan) -> datetime:
    try:
        return datetime.fromisoformat(f"{plan.date}T{plan.time}").replace(tzinfo=None)
    except ValueError as error:
        raise UnreadableTime("Write the date as 2026-12-24 and the time as 09:30.", field="date") from error


@pages.post("/<campaign_id>/unschedule")
@allow(Role.editor)
def unschedule(campaign_id: str) -> Response | tuple[str, int]:
    now = clock.now()
    try:
        with transaction() as session:
            campaign = find_campaign(session, campaign_id)
            lifecycle.unschedule(session, campaign_id=campaign.id, now=now)
            audit.record(session, actor=current_actor(), action="campaign.unscheduled", subject=campaign_id, now=now)
    except Conflict as error:
        return _again(campaign_id, error)
    flash(_("It is a draft again."), "good")
    return redirect(url_for("campaigns.review", campaign_id=campaign_id), 303)


def _again(public: str, error: TidingsError, plan: Plan | None = None) -> Response | tuple[str, int]:
    """Show the page again with what went wrong, or the report when the campaign has started meanwhile."""
    with read_session() as session:
        campaign = find_campaign(session, public)
        if campaign.state in BEFORE_START:
            return _render(session, campaign, public, str(error), plan), 409 if isinstance(error, Conflict) else 422
    flash(str(error), "bad")
    return redirect(url_for("campaigns.show", campaign_id=public), 303)
