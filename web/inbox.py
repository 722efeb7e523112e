"""The local inbox: what would have left the machine, shown to owners while no transport is set.

A mail's HTML comes from an address of its own, under a policy that runs nothing and fetches only pictures.
"""

import re
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as Redirect

from campaigns import clock
from campaigns.accounts import audit
from campaigns.db import transaction
from campaigns.delivery import inbox
from campaigns.delivery.read_mail import mark_hits, read_mail
from campaigns.errors import NotFound
from campaigns.models.user import Role
from campaigns.settings import Settings
from campaigns.signing import KeyRing
from web.access import allow
from web.text import LARGEST, read_row_number
from web.visitor import current_actor

blueprint = Blueprint("inbox", __name__, url_prefix="/inbox")

PAGE = 50
TABS = ("html", "text", "headers", "raw")
MAX_SHOWN_BYTES = 2_000_000
HEAD_CHARACTERS = 20_000  # a head begins early, and a hostile mail must not make the search slow
POLICY = (
    "default-src 'none'; img-src https: data: {origin}; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
BASE = '<base target="_blank">'
URL = re.compile(r"https?://[^\s<>\"]+")


class InboxIsOff(NotFound):
    """A transport is set, so no mail comes to the local inbox."""

    code = "inbox_is_off"


@dataclass(frozen=True)
class ShownMail:
    """A mail as its page shows it."""

    mail: inbox.InboxMail
    headers: tuple[tuple[str, str], ...]
    has_html: bool
    text: Markup | None
    raw: str
    is_cut: bool


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


def _key_ring() -> KeyRing:
    key_ring: KeyRing = current_app.extensions["key_ring"]
    return key_ring


def _mail(mail_id: int) -> inbox.InboxMail:
    if not _settings().uses_local_inbox:
        raise InboxIsOff("A transport is set, so mails leave this machine and the local inbox is off.")
    return inbox.get_mail(_settings(), min(mail_id, LARGEST))


@blueprint.get("")
@allow(Role.owner)
def index() -> str:
    settings = _settings()
    if not settings.uses_local_inbox:
        return render_template("inbox/off.html")
    search = request.args.get("q", "").strip()[:200]
    before = read_row_number(request.args.get("before")) or None
    mails = inbox.list_mails(settings, search=search or None, before_id=before, limit=PAGE + 1)
    return render_template(
        "inbox/list.html",
        mails=mails[:PAGE],
        total=inbox.count_mails(settings, search=search or None),
        search=search,
        before=before,
        following=mails[PAGE - 1].id if len(mails) > PAGE else None,
        limit=settings.inbox_limit,
    )


@blueprint.get("/<int:mail_id>")
@allow(Role.owner)
def show(mail_id: int) -> str:
    shown = _shown(_mail(mail_id))
    fallback = "html" if shown.has_html else "text"
    tab = request.args.get("tab", fallback)
    return render_template("inbox/mail.html", shown=shown, tab=tab if tab in TABS else fallback)


def _shown(mail: inbox.InboxMail) -> ShownMail:
    read = read_mail(mail.raw)
    return ShownMail(
        mail=mail,
        headers=tuple((header.name, header.value) for header in read.headers),
        has_html=read.html is not None,
        text=None if read.text is None else link_text(_marked(read.text)),
        raw=mail.raw[:MAX_SHOWN_BYTES].decode("utf-8", "replace"),
        is_cut=len(mail.raw) > MAX_SHOWN_BYTES,
    )


def _marked(content: str) -> str:
    return mark_hits(content, public_url=_settings().effective_public_url, key_ring=_key_ring())


def link_text(text: str) -> Markup:
    """Return plain text with its web addresses as links that open in a tab of their own."""
    parts: list[Markup] = []
    end = 0
    for found in URL.finditer(text):
        url = found.group().rstrip(".,;:!?)]'")
        parts.append(escape(text[end : found.start()]))
        parts.append(Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>').format(url))
        end = found.start() + len(url)
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


@blueprint.get("/<int:mail_id>/html")
@allow(Role.owner)
def html(mail_id: int) -> Response:
    """Answer a mail's HTML alone, for the frame on its page; its links open tabs of their own."""
    content = read_mail(_mail(mail_id).raw).html or ""
    response = Response(with_base(_marked(content)), content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY.format(origin=_settings().effective_public_url)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def with_base(content: str) -> str:
    """Return HTML whose links open in a new tab: the base stands after ``<head>``, or where there could be one."""
    for pattern in (r"<head(?:\s[^>]*)?>", r"<html(?:\s[^>]*)?>", r"<!doctype[^>]*>"):
        found = re.search(pattern, content[:HEAD_CHARACTERS], re.IGNORECASE)
        if found:
            return content[: found.end()] + BASE + content[found.end() :]
    return BASE + content


@blueprint.get("/<int:mail_id>/raw")
@allow(Role.owner)
def raw(mail_id: int) -> Response:
    """Answer the mail as it came, to keep as a file."""
    response = Response(_mail(mail_id).raw, content_type="message/rfc822")
    response.headers["Content-Disposition"] = f'attachment; filename="mail-{mail_id}.eml"'
    return response


@blueprint.post("/clear")
@allow(Role.owner)
def clear() -> Redirect | str:
    """Throw every mail away, after asking."""
    if request.form.get("confirmed") != "yes":
        return render_template("inbox/clear.html", total=inbox.count_mails(_settings()))
    thrown = inbox.clear(_settings())
    with transaction() as session:
        audit.record(session, actor=current_actor(), action="inbox.cleared", now=clock.now(), detail={"mails": thrown})
    flash(_("The local inbox is empty."), "good")
    return redirect(url_for("inbox.index"), 303)
