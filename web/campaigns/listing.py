"""The list of campaigns, a new one, a copy, the end of a draft."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from campaigns import clock
from campaigns.accounts import audit
from campaigns.composing import drafts
from campaigns.composing.starters import list_starters
from campaigns.db import read_session, transaction
from campaigns.errors import InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.mailing_list import MailingList
from campaigns.models.sender import Sender
from campaigns.models.user import Role
from campaigns.reporting.campaign_list import count_by_state, list_campaigns
from web.access import allow
from web.campaigns.blueprint import find_campaign, pages
from web.campaigns.confirming import ask_first
from web.visitor import current_actor

UNDER_WAY = (CampaignState.starting, CampaignState.sending, CampaignState.paused, CampaignState.held)


@dataclass(frozen=True)
class StateTab:
    code: str
    label: str
    states: tuple[CampaignState, ...]
    count: int = 0


@pages.get("")
@allow(Role.viewer)
def index() -> str:
    chosen, search = request.args.get("state", ""), request.args.get("q", "")[:200]
    before = request.args.get("before")
    with read_session() as session:
        tabs = _state_tabs(count_by_state(session))
        page = list_campaigns(
            session,
            states=next((tab.states for tab in tabs if tab.code == chosen), ()),
            search=search,
            before_id=decode_id("campaign", before) if before else None,
        )
    return render_template(
        "campaigns/list.html",
        page=page,
        tabs=tabs,
        chosen=chosen,
        search=search,
        before=before,
    )


def _state_tabs(counts: dict[CampaignState, int]) -> list[StateTab]:
    named = [
        ("", _("All"), tuple(CampaignState)),
        ("drafts", _("Drafts"), (CampaignState.draft,)),
        ("scheduled", _("Scheduled"), (CampaignState.scheduled,)),
        ("sending", _("Under way"), UNDER_WAY),
        ("sent", _("Sent"), (CampaignState.sent,)),
        ("cancelled", _("Cancelled"), (CampaignState.cancelled,)),
    ]
    return [StateTab(code, label, states, sum(counts.get(s, 0) for s in states)) for code, label, states in named]


@pages.get("/new")
@allow(Role.editor)
def new() -> str:
    with read_session() as session:
        return _render_new(session, {"name": "", "list": "", "sender": "", "start": request.args.get("from", "")})


@pages.post("/new")
@allow(Role.editor)
def create() -> Response | tuple[str, int]:
    form = {name: request.form.get(name, "") for name in ("name", "list", "sender", "start")}
    try:
        with transaction() as session:
            campaign = _make(session, form)
            public = encode_id("campaign", campaign.id)
            audit.record(session, actor=current_actor(), action="campaign.created", subject=public, now=clock.now())
    except InvalidInput as error:
        with read_session() as session:
            return _render_new(session, form, problem=str(error), wrong=error.field), 422
    return redirect(url_for("campaigns.content", campaign_id=public), 303)


def _make(session: Session, form: dict[str, str]) -> Campaign:
    """A copy keeps its own audience and words; list and sender of the form win."""
    list_id, sender_id = decode_id("list", form["list"]), decode_id("sender", form["sender"])
    now, user_id = clock.now(), current_actor().user_id
    if not form["start"].startswith("cmp_"):
        return drafts.create_campaign(
            session,
            name=form["name"],
            list_id=list_id,
            sender_id=sender_id,
            starter=form["start"],
            created_by=user_id,
            now=now,
        )
    original_id = decode_id("campaign", form["start"])
    return drafts.duplicate(
        session,
        campaign_id=original_id,
        name=form["name"],
        list_id=list_id,
        sender_id=sender_id,
        created_by=user_id,
        now=now,
    )


def _render_new(session: Session, form: dict[str, str], problem: str = "", wrong: str | None = None) -> str:
    lists = select(MailingList).where(MailingList.archived_at.is_(None)).order_by(MailingList.name)
    senders = select(Sender).where(Sender.archived_at.is_(None)).order_by(Sender.id)
    return render_template(
        "campaigns/new.html",
        form=form,
        problem=problem,
        wrong=wrong,
        lists=session.scalars(lists).all(),
        senders=session.scalars(senders).all(),
        starters=list_starters(),
        earlier=list_campaigns(session, limit=20).rows,
    )


@pages.post("/<campaign_id>/copy")
@allow(Role.editor)
def copy(campaign_id: str) -> Response:
    with transaction() as session:
        original = find_campaign(session, campaign_id)
        made = drafts.duplicate(
            session,
            campaign_id=original.id,
            name=_("%(name)s (copy)", name=original.name[:180]),
            created_by=current_actor().user_id,
            now=clock.now(),
        )
        public = encode_id("campaign", made.id)
        audit.record(session, actor=current_actor(), action="campaign.created", subject=public, now=clock.now())
    flash(_("This is the copy. Give it a name of its own under “Name and sender”."), "good")
    return redirect(url_for("campaigns.content", campaign_id=public), 303)


@pages.post("/<campaign_id>/delete")
@allow(Role.editor)
@ask_first("delete")
def delete(campaign_id: str) -> Response:
    with transaction() as session:
        campaign = find_campaign(session, campaign_id)
        drafts.delete_draft(session, campaign_id=campaign.id)
        audit.record(session, actor=current_actor(), action="campaign.deleted", subject=campaign_id, now=clock.now())
    flash(_("The draft is gone."), "good")
    return redirect(url_for("campaigns.index"), 303)
