"""``/p/<token>``: which lists one stays on, and whether one is tracked. Only the POST changes anything."""

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns import clock
from campaigns.contacts.preferences import NobodyThere, read_preferences, save_preferences
from campaigns.db import read_session, transaction
from web.public.reader import DatabaseAway, read_token

blueprint = Blueprint("preferences", __name__)


@blueprint.get("/p/<token>")
def show(token: str) -> ResponseReturnValue:
    """Show the person's choices."""
    ref = read_token(token)
    try:
        with read_session() as session:
            found = read_preferences(session, ref=ref)
    except NobodyThere:
        return make_response(render_template("nobody.html"), 404)
    except DatabaseAway:
        return make_response(render_template("later.html"), 503)
    return render_template("preferences.html", token=token, preferences=found, is_result=False)


@blueprint.post("/p/<token>")
def save(token: str) -> ResponseReturnValue:
    """Save what was ticked. Lists that the form did not show stay as they are."""
    ref = read_token(token)
    shown, ticked = _numbers("shown"), _numbers("list")
    try:
        with transaction() as session:
            present = {choice.list_id for choice in read_preferences(session, ref=ref).choices if choice.is_member}
            saved = save_preferences(
                session,
                ref=ref,
                member_of=(ticked & shown) | (present - shown),
                tracking=("tracking" in request.form) if "tracking_shown" in request.form else None,
                consent_text=_("Yes, send me the mails of the lists that I have ticked."),
                now=clock.now(),
            )
    except NobodyThere:
        return make_response(render_template("nobody.html"), 404)
    except DatabaseAway:
        return make_response(render_template("later.html"), 503)
    return render_template("preferences.html", token=token, preferences=saved, is_result=True)


def _numbers(name: str) -> set[int]:
    """What has more digits than any row is nobody's."""
    posted = request.form.getlist(name)
    return {int(value) for value in posted if value.isascii() and value.isdigit() and len(value) < 19}
