"""The rooms of the main navigation, shown as far as their pages exist."""

from dataclasses import dataclass

from flask import Flask, current_app, request, url_for
from flask_babel import gettext as _

from campaigns.models.user import Role
from web.access import may


@dataclass(frozen=True)
class Room:
    label: str
    icon: str
    url: str
    is_here: bool


def rooms() -> list[Room]:
    """Return the rooms that this visitor may enter; the local inbox is for owners, while no transport is set."""
    named = [
        ("overview", "overview.show", _("Overview")),
        ("campaigns", "campaigns.index", _("Campaigns")),
        ("segments", "segments.index", _("Segments")),
        ("contacts", "contacts.index", _("Contacts")),
        ("lists", "lists.index", _("Lists")),
        ("inbox", "inbox.index", _("Inbox")),
        ("settings", "settings.profile", _("Settings")),
    ]
    return [
        Room(label, name, url_for(endpoint), _is_here(name))
        for name, endpoint, label in named
        if endpoint in current_app.view_functions and (name != "inbox" or has_inbox())
    ]


def _is_here(name: str) -> bool:
    return request.blueprint == name or (name == "contacts" and request.blueprint == "imports")


def uses_local_inbox() -> bool:
    return bool(current_app.extensions["settings"].uses_local_inbox)


def has_inbox() -> bool:
    return uses_local_inbox() and may(Role.owner)


def inbox_url() -> str | None:
    """Return the local inbox's address for those who may look into it."""
    return url_for("inbox.index") if has_inbox() and "inbox.index" in current_app.view_functions else None


def hold_words(reason: str | None) -> str:
    """Return why the installation is held, in words."""
    words = {
        "restored": _("This installation was restored from a backup."),
        "moved": _("The database is used from another data folder than before."),
        "behind": _("The database is older than what this data folder last saw of it."),
    }
    return words.get(reason or "", _("Look at what changed, then release it."))


def register(app: Flask) -> None:
    app.jinja_env.globals.update(
        rooms=rooms, inbox_url=inbox_url, hold_words=hold_words, uses_local_inbox=uses_local_inbox
    )
