"""Contacts and their user-defined attributes."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from campaigns.contacts import attributes, erase, find, membership, save
from campaigns.contacts.names import full_name
from campaigns.ids import decode_id, encode_id
from campaigns.models.contact import Attribute, Contact
from campaigns.models.membership import MembershipState
from campaigns.reporting.timeline import contact_timeline
from campaigns.scoring.explain import current_scores, explain_score
from web.api.keys import key_ring
from web.api.operation import Operations
from web.api.paging import PageQuery
from web.api.shape import Answer, Input, Instant

operations = Operations("contacts")


class SubscriptionIn(Input):
    """A list to be put on, with the consent behind it (rule G1)."""

    list: str
    consent_source: str
    consent_text: str | None = None
    consent_ip: str | None = None
    consent_at: datetime | None = None
    tracking_consent: bool | None = None
    state: Literal["confirmed", "pending"] = "confirmed"


class ContactIn(Input):
    """A person. An address that is known changes that contact, in any letter case."""

    email: str
    given_name: str | None = None
    family_name: str | None = None
    greeting: str | None = None
    language: str | None = None
    time_zone: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, description="By attribute name; null removes.")
    subscriptions: list[SubscriptionIn] = Field(default_factory=list)


class ContactChange(Input):
    email: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    greeting: str | None = None
    language: str | None = None
    time_zone: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)


class MembershipOut(Answer):
    list: str
    list_name: str
    state: str
    source: str
    consent_at: Instant | None
    confirmed_at: Instant | None
    unsubscribed_at: Instant | None
    tracking_consent: bool | None


class ContactSummary(Answer):
    id: str
    email: str
    given_name: str
    family_name: str
    full_name: str
    greeting: str | None
    language: str | None
    time_zone: str | None
    attributes: dict[str, Any]
    score: int | None = Field(description="Engagement, 0 to 100; null before anything was sent or done.")
    created_at: Instant
    updated_at: Instant


class ContactOut(ContactSummary):
    memberships: list[MembershipOut]


class ContactsOut(Answer):
    items: list[ContactSummary]
    next_cursor: str | None


class ContactQuery(PageQuery):
    email: str | None = Field(None, description="The one contact with this address, in any letter case.")
    search: str | None = Field(None, description="The beginning of an address or a name.")


class ScoreEntryOut(Answer):
    kind: str
    campaign: str | None
    occurred_at: Instant
    points: float = Field(description="What the entry is worth today.")


class ScoreStepOut(Answer):
    """How one event moved the score when it happened."""

    kind: str
    campaign: str | None
    occurred_at: Instant
    before: int
    after: int


class EngagementOut(Answer):
    score: int
    measured: bool
    entries: list[ScoreEntryOut]
    steps: list[ScoreStepOut]


class TimelineItemOut(Answer):
    kind: str
    occurred_at: Instant
    campaign: str | None
    verdict: str | None
    settled: bool
    reason: str | None


class TimelineOut(Answer):
    items: list[TimelineItemOut]
    next_cursor: str | None


class AttributeIn(Input):
    """A user-defined field. Its merge tag is `contact.attributes.NAME`."""

    label: str
    kind: Literal["text", "number", "date", "boolean", "tags"] = "text"
    name: str | None = None


class AttributeOut(Answer):
    id: str
    name: str
    label: str
    kind: str


class AttributesOut(Answer):
    items: list[AttributeOut]


@operations.get("/contacts")
def list_contacts(session: Session, *, query: ContactQuery, now: datetime) -> ContactsOut:
    """List contacts, or find them by address or name."""
    if query.email is not None:
        found = save.find_by_email(session, email=query.email)
        return ContactsOut(items=_summarise(session, [found] if found else [], now), next_cursor=None)
    page = find.find_contacts(session, search=query.search or "", cursor=query.cursor, limit=query.limit)
    return ContactsOut(items=_summarise(session, list(page.contacts), now), next_cursor=page.next_cursor)


@operations.get("/contacts/{contact_id}")
def get_contact(session: Session, *, contact_id: str, now: datetime) -> ContactOut:
    """Show one contact with its lists, attributes and score."""
    return _show(session, decode_id("contact", contact_id), now)


@operations.post("/contacts", status=201, idempotent=True)
def create_contact(session: Session, *, body: ContactIn, now: datetime) -> ContactOut:
    """Create a contact, or change the one with this address, and put it on lists."""
    fields = save.ContactFields(**body.model_dump(exclude={"subscriptions"}))
    saved = save.save_contact(session, fields=fields, key_ring=key_ring(), now=now)
    for wanted in body.subscriptions:
        membership.subscribe(
            session,
            contact_id=saved.contact_id,
            list_id=decode_id("list", wanted.list),
            consent=membership.Consent(
                wanted.consent_source,
                wanted.consent_text,
                wanted.consent_ip,
                wanted.consent_at,
                wanted.tracking_consent,
            ),
            state=MembershipState(wanted.state),
            now=now,
        )
    return _show(session, saved.contact_id, now)


@operations.patch("/contacts/{contact_id}")
def change_contact(session: Session, *, contact_id: str, body: ContactChange, now: datetime) -> ContactOut:
    """Change the fields that are given; an attribute of null is removed."""
    number = decode_id("contact", contact_id)
    fields = save.ContactFields(**body.model_dump())
    save.save_contact(session, fields=fields, key_ring=key_ring(), now=now, contact_id=number)
    return _show(session, number, now)


@operations.delete("/contacts/{contact_id}")
def erase_contact(session: Session, *, contact_id: str, now: datetime) -> None:
    """Erase a contact for good; a keyed hash stays behind so that nobody mails the address again."""
    erase.erase_contact(session, contact_id=decode_id("contact", contact_id), source="api", now=now)


@operations.get("/contacts/{contact_id}/engagement")
def get_engagement(session: Session, *, contact_id: str, now: datetime) -> EngagementOut:
    """Show the score and each entry that makes it, the latest first."""
    contact = save.get_contact(session, contact_id=decode_id("contact", contact_id))
    told = explain_score(session, contact_id=contact.id, now=now)
    entries = [
        ScoreEntryOut(
            kind=entry.kind,
            campaign=encode_id("campaign", entry.campaign_id) if entry.campaign_id else None,
            occurred_at=entry.occurred_at,
            points=entry.points,
        )
        for entry in told.entries
    ]
    steps = [
        ScoreStepOut(
            kind=step.kind,
            campaign=encode_id("campaign", step.campaign_id) if step.campaign_id else None,
            occurred_at=step.occurred_at,
            before=step.before,
            after=step.after,
        )
        for step in told.steps
    ]
    return EngagementOut(score=told.score, measured=told.measured, entries=entries, steps=steps)


@operations.get("/contacts/{contact_id}/timeline")
def get_timeline(session: Session, *, contact_id: str, query: PageQuery) -> TimelineOut:
    """Show what happened to and with a contact, the latest first."""
    contact = save.get_contact(session, contact_id=decode_id("contact", contact_id))
    items = contact_timeline(session, contact_id=contact.id, before=query.cursor, limit=query.limit)
    shown = [
        TimelineItemOut(
            kind=item.kind,
            occurred_at=item.at,
            campaign=encode_id("campaign", item.campaign_id) if item.campaign_id else None,
            verdict=item.verdict,
            settled=item.is_settled,
            reason=item.verdict_reason or (item.reason.name if item.reason else None),
        )
        for item in items
    ]
    return TimelineOut(items=shown, next_cursor=items[-1].cursor if len(items) == query.limit else None)


@operations.get("/attributes")
def list_attributes(session: Session) -> AttributesOut:
    """List the user-defined fields."""
    return AttributesOut(items=[_attribute(row) for row in attributes.list_attributes(session)])


@operations.post("/attributes", status=201, idempotent=True)
def create_attribute(session: Session, *, body: AttributeIn, now: datetime) -> AttributeOut:
    """Make a user-defined field."""
    return _attribute(attributes.create_attribute(session, **body.model_dump(), now=now))


def _attribute(row: Attribute) -> AttributeOut:
    return AttributeOut(id=encode_id("attribute", row.id), name=row.name, label=row.label, kind=row.kind)


def _summarise(session: Session, rows: list[Contact], now: datetime) -> list[ContactSummary]:
    scores = current_scores(session, contact_ids=[row.id for row in rows], now=now)
    names = {str(row.id): row.name for row in attributes.list_attributes(session, with_archived=True)}
    return [
        ContactSummary(
            **{name: getattr(row, name) for name in ("email", "given_name", "family_name", "greeting", "language")},
            id=encode_id("contact", row.id),
            full_name=full_name(row.given_name, row.family_name),
            time_zone=row.time_zone,
            attributes={names[key]: value for key, value in row.attributes.items() if key in names},
            score=scores.get(row.id),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]


def _show(session: Session, contact_id: int, now: datetime) -> ContactOut:
    row = save.get_contact(session, contact_id=contact_id)
    memberships = [
        MembershipOut(
            list=encode_id("list", view.membership.list_id),
            list_name=view.list_name,
            state=view.membership.state,
            source=view.membership.source,
            consent_at=view.membership.consent_at,
            confirmed_at=view.membership.confirmed_at,
            unsubscribed_at=view.membership.unsubscribed_at,
            tracking_consent=view.membership.tracking_consent,
        )
        for view in membership.list_memberships(session, contact_id=contact_id)
    ]
    return ContactOut(**_summarise(session, [row], now)[0].model_dump(), memberships=memberships)
