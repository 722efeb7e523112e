"""The merge tags: a contract like URLs. What is not listed here cannot be written in a template."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

CONTACT_FIELDS = ("email", "given_name", "family_name", "full_name", "greeting", "language", "time_zone")
CONTEXT_FIELDS = {
    "list.name": "context.list_name",
    "sender.name": "context.from_name",
    "sender.company": "context.company",
    "sender.postal_address": "context.postal_address",
    "campaign.name": "context.campaign_name",
}
SUBJECT_FIELD = "campaign.subject"
LINK_FIELDS = ("links.unsubscribe", "links.preferences", "links.view")
MESSAGE_TOKEN = "message.token"  # noqa: S105 -- a field of our own, never written by an author
ATTRIBUTE_PREFIX = "contact.attributes."
FILTERS = {"default": (1, 1), "date": (0, 1), "number": (0, 1), "money": (1, 1)}


MAIL_PREFIX = "mail."


def declared_fields(attributes: Mapping[str, str], mail_fields: Iterable[str] = ()) -> dict[str, str]:
    """Return every merge tag an author may use, with the kind of its value.

    ``mail_fields`` are those of a system mail, ``mail.NAME``; a name that ends in ``_url`` is a whole link.
    """
    declared = {f"contact.{name}": "text" for name in CONTACT_FIELDS}
    declared |= dict.fromkeys([*CONTEXT_FIELDS, SUBJECT_FIELD], "text")
    declared |= dict.fromkeys(LINK_FIELDS, "link")
    declared |= {MAIL_PREFIX + name: "link" if name.endswith("_url") else "text" for name in mail_fields}
    return declared | {ATTRIBUTE_PREFIX + name: str(kind) for name, kind in attributes.items()}


def is_link_field(name: str) -> bool:
    return name in LINK_FIELDS


def is_same_for_everybody(name: str) -> bool:
    """Say whether a merge tag has one value for a whole campaign."""
    return name in CONTEXT_FIELDS


def reader_of(name: str) -> Callable[[Any], Any]:
    """Return a function that reads a merge tag's raw value from a :class:`~campaigns.rendering.evaluate.Scope`."""
    if name.startswith(ATTRIBUTE_PREFIX):
        attribute = name.removeprefix(ATTRIBUTE_PREFIX)
        return lambda scope: scope.recipient.attributes.get(attribute)
    if name in CONTEXT_FIELDS:
        return attrgetter(CONTEXT_FIELDS[name])
    if name.startswith(MAIL_PREFIX):
        field = name.removeprefix(MAIL_PREFIX)
        return lambda scope: scope.mail.get(field)
    if name == SUBJECT_FIELD:
        return attrgetter("subject")
    if name == MESSAGE_TOKEN:
        return attrgetter("token")
    room, _, rest = name.partition(".")
    return attrgetter(f"recipient.{rest}" if room == "contact" else f"links.{rest}")
