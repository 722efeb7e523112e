"""``/u/<token>``: the page behind the footer link, and the one-click POST of mail programs (RFC 8058).

A GET changes nothing, whoever follows it (rule L3). The POST needs no cookie and no sign-in, is answered 200 without
a redirect, may come twice, and does not need the database: what cannot be applied now is kept on disk (rule L2, L4).
"""

import logging

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue

from campaigns import clock
from campaigns.contacts import unsubscribe
from campaigns.contacts.spooled_unsubscribes import keep_unsubscribe, pending_unsubscribes
from campaigns.contacts.unsubscribe import Standing, Unsubscribed
from campaigns.db import read_session, transaction
from campaigns.models.membership import MembershipState
from campaigns.signing import UnsubscribeRef
from web.public.reader import DatabaseAway, read_token, settings

log = logging.getLogger(__name__)

blueprint = Blueprint("unsubscribe", __name__)

UNKNOWN = Standing("", "", MembershipState.confirmed, suppressed=False)
NOBODY = Unsubscribed("", "", already=False, contact_exists=False)


@blueprint.get("/u/<token>")
def show(token: str) -> str:
    """Show whose address it is, masked, and one button."""
    ref = read_token(token)
    try:
        with read_session() as session:
            standing = unsubscribe.look_up(session, ref=ref)
    except DatabaseAway:
        standing = UNKNOWN
    if standing.state == MembershipState.unsubscribed:
        return render_template("unsubscribed.html", token=token, person=standing, is_result=False)
    return render_template("unsubscribe.html", token=token, person=standing)


@blueprint.post("/u/<token>")
def change(token: str) -> ResponseReturnValue:
    """Unsubscribe; or take it back, where the form says so. A POST of any other content unsubscribes too."""
    ref = read_token(token)
    if request.form.get("action") == "undo":
        return _undo(token, ref)
    source = "one_click" if "List-Unsubscribe" in request.form else "page"
    done = _unsubscribe(token, ref, source)
    return render_template("unsubscribed.html", token=token, person=done, is_result=True)


def _unsubscribe(token: str, ref: UnsubscribeRef, source: str) -> Unsubscribed:
    now = clock.now()
    try:
        with transaction() as session:
            return unsubscribe.unsubscribe(session, ref=ref, source=source, now=now)
    except DatabaseAway:
        log.warning("An unsubscribe is kept on disk until the database is back")
        keep_unsubscribe(settings(), token=token, source=source, now=now)
        return NOBODY


def _undo(token: str, ref: UnsubscribeRef) -> ResponseReturnValue:
    """Only where the unsubscribe itself has arrived: else it would come after its own undoing."""
    try:
        if pending_unsubscribes(settings()):
            return make_response(render_template("later.html"), 503)
        with transaction() as session:
            done = unsubscribe.undo(session, ref=ref, now=clock.now())
    except DatabaseAway:
        return make_response(render_template("later.html"), 503)
    return render_template("resubscribed.html", token=token, person=done)
