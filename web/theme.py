"""Light, dark, or as the system says: a cookie, set by a form so that it works without JavaScript."""

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from web.access import allow
from web.sign_in import safe_target

blueprint = Blueprint("theme", __name__)
THEMES = ("auto", "light", "dark")


@blueprint.post("/theme")
@allow("public")
def choose() -> Response:
    """Keep the theme in this browser for a year and go back to where the form stood."""
    chosen = request.form.get("theme", "auto")
    answer = redirect(safe_target(request.form.get("back")) or url_for("overview.show"), 303)
    if chosen in THEMES:
        answer.set_cookie("tidings_theme", chosen, max_age=31_536_000, httponly=True, samesite="Lax")
    return answer
