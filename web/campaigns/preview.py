"""What a mail looks like: the preview in its own document, the reader it is made for, findings for the editor."""

from flask import Response, jsonify, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from campaigns.composing.readers import Reader, find_reader, search_readers
from campaigns.composing.text import clean_body
from campaigns.contacts.names import full_name
from campaigns.db import read_session
from campaigns.delivery.preview_campaign import check_words, preview_campaign
from campaigns.errors import NotFound
from campaigns.ids import decode_id, encode_id
from campaigns.models.campaign import Campaign
from campaigns.models.user import Role
from campaigns.rendering.content import ContentSource
from campaigns.rendering.view import as_page
from web.access import allow
from web.campaigns.blueprint import find_campaign, pages, render_campaign

POLICY = (
    "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


@pages.get("/<campaign_id>/preview")
@allow(Role.viewer)
def preview(campaign_id: str) -> Response:
    """The mail as a document of its own: never inside the page, whose policy would leave it bare."""
    reader = request.args.get("reader", "")
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        contact_id = decode_id("contact", reader) if reader else None
        made = preview_campaign(session, campaign_id=campaign.id, as_contact_id=contact_id)
        language = campaign.default_language
    if request.args.get("part") == "text":
        return _document(as_page(made.text, made.subject, language))
    empty = _("There is nothing to show yet. What is wrong stands under the editor.")
    return _document(made.html or as_page(made.text or empty, made.subject, language))


def _document(html: str) -> Response:
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def preview_url(public: str, reader: Reader | None, part: str, version: int) -> str:
    """Return where a preview lies; the version in it makes a browser load the next one."""
    as_contact = encode_id("contact", reader.contact_id) if reader else None
    return url_for("campaigns.preview", campaign_id=public, reader=as_contact, part=part, v=version)


def choose_reader(session: Session, campaign: Campaign, public: str | None) -> Reader | None:
    """Return the contact of a public id, or the list's first member when there is none (any more)."""
    try:
        chosen = decode_id("contact", public) if public else None
    except NotFound:
        chosen = None
    found = find_reader(session, list_id=campaign.list_id, contact_id=chosen)
    return found or find_reader(session, list_id=campaign.list_id)


def name_reader(reader: Reader) -> str:
    return full_name(reader.given_name, reader.family_name) or reader.email


@pages.get("/<campaign_id>/readers")
@allow(Role.viewer)
def readers(campaign_id: str) -> str:
    search = request.args.get("q", "")[:200]
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        found = [
            {"contact_id": reader.contact_id, "name": name_reader(reader), "email": reader.email}
            for reader in search_readers(session, list_id=campaign.list_id, search=search)
        ]
        return render_campaign(session, campaign, "campaigns/readers.html", "content", found=found, search=search)


@pages.post("/<campaign_id>/problems")
@allow(Role.editor)
def problems(campaign_id: str) -> Response:
    """Findings about words as they are being written, for the editor's margin; forms post CRLF line ends."""
    with read_session() as session:
        campaign = find_campaign(session, campaign_id)
        source = ContentSource(
            subject=request.form.get("subject", ""),
            preheader=request.form.get("preheader", ""),
            body_format=request.form.get("body_format", "mjml"),
            body=clean_body(request.form.get("source", request.form.get("body", ""))),
            language=request.form.get("language") or campaign.default_language,
        )
        found = check_words(session, source=source)
    return jsonify(
        problems=[
            {
                "severity": problem.severity,
                "message": _in_part(problem.part, problem.message),
                "line": problem.line or None if problem.part == "body" else None,
                "column": problem.column or None,
            }
            for problem in found
        ]
    )


def _in_part(part: str, message: str) -> str:
    if part == "subject":
        return _("Subject: %(message)s", message=message)
    if part == "preheader":
        return _("Preview line: %(message)s", message=message)
    return message
