"""What the audit trail notes, in words, and the page of what it is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from campaigns.errors import NotFound
from campaigns.ids import PREFIXES, decode_id
from campaigns.models.api_token import ApiToken
from campaigns.models.audit import AuditEntry
from campaigns.models.campaign import Campaign
from campaigns.models.contact import Contact
from campaigns.models.contact_import import ContactImport
from campaigns.models.mailing_list import MailingList
from campaigns.models.segment import Segment
from campaigns.models.sender import Sender
from campaigns.models.user import User

KINDS = {prefix: kind for kind, prefix in PREFIXES.items()}
NAMES: Mapping[str, InstrumentedAttribute[str]] = {
    "campaign": Campaign.name,
    "contact": Contact.email,
    "import": ContactImport.file_name,
    "list": MailingList.name,
    "segment": Segment.name,
    "sender": Sender.from_name,
    "token": ApiToken.name,
    "user": User.email,
}
PAGES = {
    "campaign": ("campaigns.show", "campaign_id"),
    "contact": ("contacts.show", "contact_id"),
    "import": ("imports.show", "import_id"),
    "list": ("lists.show", "list_id"),
    "segment": ("segments.show", "segment_id"),
    "sender": ("settings.senders_edit", "sender_id"),
}


@dataclass(frozen=True)
class Subject:
    """What a deed was done to: its name, or its id where it is gone; ``url`` is empty where it has no page."""

    name: str
    url: str = ""


def name_subjects(session: Session, entries: Iterable[AuditEntry]) -> dict[str, Subject]:
    """Return name and page of everything that the entries are about, by public id; a query for each kind."""
    wanted: dict[str, dict[int, str]] = {}
    for entry in entries:
        kind = KINDS.get(entry.subject.partition("_")[0], "")
        if kind in NAMES:
            try:
                wanted.setdefault(kind, {})[decode_id(kind, entry.subject)] = entry.subject
            except NotFound:
                continue
    found = {}
    for kind, numbers in wanted.items():
        name = NAMES[kind]
        key = name.class_.id
        for number, text in session.execute(select(key, name).where(key.in_(numbers))):
            found[numbers[number]] = Subject(text, _page_of(kind, numbers[number]))
    return found


def _page_of(kind: str, public: str) -> str:
    if kind not in PAGES:
        return ""
    endpoint, argument = PAGES[kind]
    values: dict[str, Any] = {argument: public}
    return url_for(endpoint, **values)


def describe_deed(action: str, detail: Mapping[str, Any]) -> str:
    """Return what somebody did as a short sentence; the API's deeds by the name of their operation."""
    if action == "user.signed_in":
        return _("Signed in by link") if detail.get("way") == "link" else _("Signed in")
    words = _campaign_deeds() | _contact_deeds() | _settings_deeds()
    if action in words:
        return words[action]
    thing, _dot, deed = action.partition(".")
    plain = (deed or thing).replace("_", " ")
    return _("Through the API: %(deed)s", deed=plain) if thing == "api" else f"{thing.capitalize()} {plain}"


def _campaign_deeds() -> dict[str, str]:
    return {
        "campaign.created": _("Made a campaign"),
        "campaign.deleted": _("Deleted a draft"),
        "campaign.started": _("Sent a campaign"),
        "campaign.scheduled": _("Scheduled a campaign"),
        "campaign.unscheduled": _("Took a campaign off the schedule"),
        "campaign.paused": _("Paused a campaign"),
        "campaign.resumed": _("Resumed a campaign"),
        "campaign.cancelled": _("Cancelled the rest of a campaign"),
        "campaign.released": _("Released a held campaign"),
        "segment.created": _("Made a segment"),
        "segment.changed": _("Changed a segment"),
        "segment.archived": _("Archived a segment"),
        "segment.restored": _("Took a segment into use again"),
    }


def _contact_deeds() -> dict[str, str]:
    return {
        "contact.created": _("Added a contact"),
        "contact.updated": _("Changed a contact"),
        "contact.unchanged": _("Saved a contact without a change"),
        "contact.subscribed": _("Put a contact on a list"),
        "contact.unsubscribed": _("Unsubscribed a contact"),
        "contact.erased": _("Erased a contact"),
        "import.started": _("Started an import"),
        "list.created": _("Made a list"),
        "list.changed": _("Changed a list"),
        "list.archived": _("Archived a list"),
        "list.restored": _("Took a list into use again"),
        "suppression.added": _("Suppressed an address"),
        "suppression.lifted": _("Lifted a suppression"),
    }


def _settings_deeds() -> dict[str, str]:
    return {
        "installation.set_up": _("Set up the installation"),
        "installation.released": _("Released sending"),
        "organisation.changed": _("Changed the organisation"),
        "inbox.cleared": _("Emptied the local inbox"),
        "sender.saved": _("Saved a sender"),
        "sender.archived": _("Archived a sender"),
        "sender.restored": _("Took a sender into use again"),
        "token.created": _("Made an API token"),
        "token.revoked": _("Revoked an API token"),
        "user.address_changed": _("Changed a user's address"),
        "user.created": _("Added a user"),
        "user.disabled": _("Disabled a user"),
        "user.enabled": _("Enabled a user"),
        "user.link_made": _("Made a sign-in link"),
        "user.password_changed": _("Changed the password"),
        "user.role_changed": _("Changed a user's role"),
    }
