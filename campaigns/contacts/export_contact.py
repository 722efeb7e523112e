"""Everything that is known of one person, to hand to that person (GDPR, article 15)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.contacts.attributes import list_attributes
from campaigns.contacts.membership import list_memberships
from campaigns.contacts.save import get_contact
from campaigns.contacts.suppress import find_suppression
from campaigns.models.event import Event
from campaigns.models.message import Message, MessageState

MAX_ROWS = 10_000


@dataclass(frozen=True)
class ContactExport:
    """One person's data, ready for JSON."""

    contact: dict[str, Any]
    memberships: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    events: list[dict[str, Any]]
    suppressed: str | None


def export_contact(session: Session, *, contact_id: int) -> ContactExport:
    """Return all that is kept of a contact; raises ``ContactNotFound``. Times are ISO 8601 in UTC."""
    row = get_contact(session, contact_id=contact_id)
    names = {str(one.id): one.name for one in list_attributes(session, with_archived=True)}
    columns = ("email", "given_name", "family_name", "greeting", "language", "time_zone", "created_at", "updated_at")
    contact = _pick(row, *columns)
    contact["attributes"] = {names.get(key, key): value for key, value in row.attributes.items()}
    suppression = find_suppression(session, address_hash=row.address_hash)
    messages = select(Message).where(Message.contact_id == contact_id).order_by(Message.campaign_id).limit(MAX_ROWS)
    events = select(Event).where(Event.contact_id == contact_id).order_by(Event.occurred_at.desc()).limit(MAX_ROWS)
    return ContactExport(
        contact=contact,
        memberships=[
            {"list": one.list_name}
            | _pick(
                one.membership,
                "state",
                "source",
                "consent_text",
                "consent_network",
                "consent_at",
                "confirmed_at",
                "unsubscribed_at",
                "tracking_consent",
            )
            for one in list_memberships(session, contact_id=contact_id)
        ],
        messages=[
            {**_pick(one, "email", "sent_at", "opened_at", "clicked_at"), "state": MessageState(one.state).name}
            for one in session.scalars(messages)
        ],
        events=[_pick(one, "occurred_at", "kind", "verdict", "features", "data") for one in session.scalars(events)],
        suppressed=suppression.reason if suppression else None,
    )


def _pick(row: Any, *names: str) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
