"""Writing: the source beside what it becomes, saved while one types."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from campaigns import clock
from campaigns.composing import drafts
from campaigns.composing.editing import CONTENT_EDITABLE
from campaigns.db import read_session, transaction
from campaigns.delivery.compile_revision import attribute_kinds
from campaigns.delivery.preview_campaign import preview_campaign
from campaigns.errors import Conflict, InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.sender import Sender
from campaigns.models.user import Role
from campaigns.rendering.merge_tags import declared_fields
from web.access import allow, may
from web.campaigns.blueprint import find_campaign, pages, render_campaign
from web.campaigns.preview import choose_reader, name_reader, preview_url
from web.text import read_row_number


@dataclass(frozen=True)
class Words:
    """What stands in the form: as saved, or as typed when it could not be saved."""

    language: str
    body_format: str
    subject: str
    preheader: str
    body: str
    revision: int = 0


@pages.get("/<campaign_id>/content")
@allow(Role.viewer)
def content(campaign_id: str) -> str:
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        return _render(session, campaign, _saved_words(session, campaign), request.args.get("reader"))


@pages.post("/<campaign_id>/content")
@allow(Role.editor)
def save_content(campaign_id: str) -> Response | tuple[str, int]:
    try:
        _save(campaign_id, clock.now())
    except (InvalidInput, Conflict) as error:
        with read_session() as session:
            campaign = find_campaign(session, campaign_id)
            typed, reader = _typed_words(campaign), request.form.get("reader")
            return _render(session, campaign, typed, reader, problem=str(error)), _status(error)
    reader = request.form.get("show") or request.form.get("reader") or None
    return redirect(url_for("campaigns.content", campaign_id=campaign_id, reader=reader), 303)


@pages.post("/<campaign_id>/autosave")
@allow(Role.editor)
def autosave(campaign_id: str) -> str:
    """The same save for a page that stays: answers with the line that says so, the new version and preview."""
    now, problem = clock.now(), ""
    try:
        _save(campaign_id, now)
    except (InvalidInput, Conflict) as error:
        problem = str(error)
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        return render_template(
            "campaigns/autosaved.html",
            campaign=campaign,
            public=campaign_id,
            problem=problem,
            saved_at=now,
            is_editable=True,
            is_swapped=True,
            **_preview_values(session, campaign, request.form.get("reader")),
        )


@pages.post("/<campaign_id>/details")
@allow(Role.editor)
def details(campaign_id: str) -> Response:
    try:
        with transaction() as session:
            campaign = find_campaign(session, campaign_id)
            sender = request.form.get("sender")
            drafts.save_details(
                session,
                campaign_id=campaign.id,
                name=request.form.get("name", ""),
                sender_id=decode_id("sender", sender) if sender else campaign.sender_id,
                version=None,
                now=clock.now(),
            )
        flash(_("Saved."), "good")
    except (InvalidInput, Conflict) as error:
        flash(str(error), "bad")
    return redirect(url_for("campaigns.content", campaign_id=campaign_id), 303)


def _save(public: str, now: datetime) -> None:
    with transaction() as session:
        campaign = find_campaign(session, public)
        words = _typed_words(campaign)
        drafts.save_content(
            session,
            campaign_id=campaign.id,
            language=words.language,
            subject=words.subject,
            preheader=words.preheader,
            body_format=words.body_format,
            body=words.body,
            version=read_row_number(request.form.get("version")),
            now=now,
        )


def _status(error: InvalidInput | Conflict) -> int:
    return 409 if isinstance(error, Conflict) else 422


def _typed_words(campaign: Campaign) -> Words:
    form = request.form
    return Words(
        language=form.get("language") or campaign.default_language,
        body_format=form.get("body_format", "mjml"),
        subject=form.get("subject", ""),
        preheader=form.get("preheader", ""),
        body=form.get("body", ""),
    )


def _saved_words(session: Session, campaign: Campaign) -> Words:
    found = drafts.current_contents(session, campaign_id=campaign.id)
    if not found:
        return Words(campaign.default_language, "mjml", "", "", "")
    first = found[0]
    return Words(first.language, first.body_format, first.subject, first.preheader, first.body, first.revision)


def _render(session: Session, campaign: Campaign, words: Words, reader: str | None, problem: str = "") -> str:
    is_editable = campaign.state in CONTENT_EDITABLE and may(Role.editor)
    senders = select(Sender).where(Sender.archived_at.is_(None)).order_by(Sender.id)
    shown = _preview_values(session, campaign, reader)
    return render_campaign(
        session,
        campaign,
        "campaigns/content.html",
        "content",
        content=words,
        problem=problem,
        problems=shown["preview"].problems,
        is_editable=is_editable,
        autosaves=campaign.state == CampaignState.draft,
        saved_at=campaign.updated_at,
        merge_tags=_merge_tags(session),
        senders=session.scalars(senders).all(),
        body_label={"mjml": _("MJML source"), "html": _("HTML source")}.get(words.body_format, _("Text")),
        **shown,
    )


def _preview_values(session: Session, campaign: Campaign, public_reader: str | None) -> dict[str, Any]:
    reader = choose_reader(session, campaign, public_reader)
    as_contact_id = reader.contact_id if reader else None
    return {
        "reader": reader,
        "reader_name": name_reader(reader) if reader else "",
        "reader_id": encode_id("contact", reader.contact_id) if reader else "",
        "preview": preview_campaign(session, campaign_id=campaign.id, as_contact_id=as_contact_id),
        "preview_url": preview_url,
    }


def _merge_tags(session: Session) -> list[dict[str, str]]:
    """What can be written, with what it means, for the help and the editor's completion."""
    meanings = {
        "contact.email": _("Address"),
        "contact.given_name": _("Given name"),
        "contact.family_name": _("Family name"),
        "contact.full_name": _("Full name"),
        "contact.greeting": _("Greeting in the content's language"),
        "contact.language": _("Language"),
        "contact.time_zone": _("Time zone"),
        "list.name": _("Name of the list"),
        "sender.name": _("Sender's name"),
        "sender.company": _("Company"),
        "sender.postal_address": _("Postal address"),
        "campaign.name": _("Name of the campaign"),
        "campaign.subject": _("Subject"),
        "links.unsubscribe": _("Unsubscribe link"),
        "links.preferences": _("Link to the reader's preferences"),
        "links.view": _("Link to this mail in the browser"),
    }
    return [{"tag": tag, "label": meanings.get(tag, "")} for tag in declared_fields(attribute_kinds(session))]
