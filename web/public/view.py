"""``/v/<token>``: a sent mail in the browser, for whoever the reader shows it to (rule L6).

It holds no personal link and no pixel, and its links score nobody. The answer is sandboxed: it comes from a template
that somebody wrote, on the same host as everything else.
"""

from flask import Blueprint, Response, make_response, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.db import read_session
from campaigns.delivery.compile_revision import ContentKey, load_compiled
from campaigns.delivery.mail_context import load_context
from campaigns.delivery.recipients import NoSuchContact, load_recipient
from campaigns.models.campaign import Content
from campaigns.models.message import Message, MessageState
from campaigns.rendering.view import render_view
from campaigns.signing import MessageRef
from web.public.reader import DatabaseAway, key_ring, settings, speak_languages_of

blueprint = Blueprint("view", __name__)

SANDBOX = (
    "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
NEVER_SENT = (MessageState.skipped, MessageState.cancelled)  # a window's last mails may not be marked yet


@blueprint.get("/v/<token>")
def show(token: str) -> ResponseReturnValue:
    """Show the mail as it was sent, in the language it was sent in."""
    ref = key_ring().read_message_token(token)
    try:
        with read_session() as session:
            speak_languages_of(session, campaign_id=ref.campaign_id, seq=ref.seq)
            html = _render(session, ref)
    except DatabaseAway:
        return make_response(render_template("later.html"), 503)
    if html is None:
        return make_response(render_template("nobody.html"), 404)
    return Response(html, headers={"Content-Security-Policy": SANDBOX})


def _render(session: Session, ref: MessageRef) -> str | None:
    """Return the mail's HTML, or None where it was never sent or its reader is not kept any more."""
    message = session.get(Message, (ref.campaign_id, ref.seq))
    if message is None or message.state in NEVER_SENT:
        return None
    language = session.scalar(
        select(Content.language).where(
            Content.campaign_id == message.campaign_id,
            Content.revision == message.revision,
            Content.variant == message.variant,
            Content.language_code == message.language,
        )
    )
    if language is None:
        return None
    try:
        recipient = load_recipient(session, contact_id=message.contact_id, language=language)
    except NoSuchContact:
        return None
    key = ContentKey(message.revision, message.variant, language)
    compiled = load_compiled(session, campaign_id=message.campaign_id, key=key)
    context = load_context(session, campaign_id=message.campaign_id, public_url=settings().effective_public_url)
    return render_view(compiled, recipient, context)
