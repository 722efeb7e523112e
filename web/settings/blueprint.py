"""The blueprint of the settings and the tabs over all of them."""

from flask import render_template, request, url_for
from flask.blueprints import Blueprint
from flask_babel import gettext as _

from campaigns.models.user import Role
from web.access import may

blueprint = Blueprint("settings", __name__, url_prefix="/settings")


def render(template: str, **values: object) -> str:
    """Return a page of the settings under its tabs, of which each role sees its own."""
    return render_template(f"settings/{template}", tabs=_tabs(), **values)


def _tabs() -> list[tuple[str, str, bool]]:
    named = [
        ("profile", _("Profile"), Role.viewer),
        ("organisation", _("Organisation"), Role.owner),
        ("senders", _("Senders"), Role.editor),
        ("users", _("Users"), Role.owner),
        ("tokens", _("API tokens"), Role.owner),
        ("audit", _("Audit trail"), Role.owner),
    ]
    here = (request.endpoint or "").removeprefix("settings.").partition("_")[0]
    return [(label, url_for(f"settings.{name}"), name == here) for name, label, role in named if may(role)]
