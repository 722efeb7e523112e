"""What a rule's values can be chosen from: lists, campaigns, and values that contacts have now."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.contact import Contact
from campaigns.models.mailing_list import MailingList
from campaigns.segments.fields import Field, FieldKind

LOOKED_AT = 2000
SUGGESTED = 50
MAX_SUGGESTED_CHARACTERS = 80
CAMPAIGNS_OFFERED = 200


@dataclass(frozen=True)
class Choice:
    """A list or campaign that a rule can name."""

    id: int
    name: str


def list_lists(session: Session, *, keep: Iterable[int] = ()) -> list[Choice]:
    """Return the lists in use by name, and those of ``keep`` even when archived."""
    wanted = MailingList.archived_at.is_(None) | MailingList.id.in_(list(keep))
    query = select(MailingList.id, MailingList.name).where(wanted).order_by(MailingList.name, MailingList.id)
    return [Choice(*row) for row in session.execute(query)]


def list_campaigns(session: Session, *, keep: Iterable[int] = ()) -> list[Choice]:
    """Return the newest campaigns that were started, and those of ``keep`` whatever their age."""
    started = select(Campaign.id).where(Campaign.started_at.is_not(None), Campaign.archived_at.is_(None))
    newest = started.order_by(Campaign.id.desc()).limit(CAMPAIGNS_OFFERED)
    wanted = Campaign.id.in_(newest) | Campaign.id.in_(list(keep))
    query = select(Campaign.id, Campaign.name).where(wanted).order_by(Campaign.id.desc())
    return [Choice(*row) for row in session.execute(query)]


def suggest_values(session: Session, *, fields: Iterable[Field]) -> Mapping[str, tuple[str, ...]]:
    """Return by field name the most frequent values of text, tags, language and time zone fields.

    Looks at the newest 2,000 contacts only, so that it costs the same however many there are.
    """
    asked = [field for field in fields if field.kind in (FieldKind.text, FieldKind.tags, FieldKind.language)]
    if not asked:
        return {}
    query = select(Contact.attributes, Contact.language, Contact.time_zone).order_by(Contact.id.desc())
    counters: dict[str, Counter[str]] = {field.name: Counter() for field in asked}
    for attributes, language, time_zone in session.execute(query.limit(LOOKED_AT)):
        columns = {"language": language, "time_zone": time_zone}
        for field in asked:
            stored = columns.get(field.name) if field.attribute_id is None else attributes.get(str(field.attribute_id))
            values = stored if isinstance(stored, list) else [stored]
            counters[field.name].update(value for value in values if isinstance(value, str) and value)
    return {name: _frequent(counter) for name, counter in counters.items()}


def _frequent(counter: Counter[str]) -> tuple[str, ...]:
    short = [value for value, _ in counter.most_common(SUGGESTED) if len(value) <= MAX_SUGGESTED_CHARACTERS]
    return tuple(sorted(short))
