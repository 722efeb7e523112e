"""A contact's history: what we sent, what came back, what moved the score."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, select, tuple_
from sqlalchemy.orm import Session

from campaigns.errors import InvalidInput
from campaigns.models.campaign import Campaign, CampaignLink, CampaignState
from campaigns.models.contact import Contact
from campaigns.models.engagement import EngagementEntry
from campaigns.models.event import Event, EventKind
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import Membership, MembershipState
from campaigns.models.message import Message, MessageState, Reason

NEVER_EVENTS = tuple(kind.value for kind in EventKind)
"""Entries whose kind is none of these (``ignored``) were made by the clock and have no event."""


class UnknownCursor(InvalidInput):
    code = "unknown_cursor"


@dataclass(frozen=True)
class TimelineItem:
    """Something that happened to or with a contact at ``at``.

    ``kind`` is an event's kind, ``message`` (then ``state`` and ``reason`` say how it went), ``created``,
    ``subscribed``, ``confirmed``, ``left`` (an unsubscription known from the list alone) or ``ignored``.
    ``is_settled`` is false while a verdict may still change. ``points`` is what the event was worth when it happened,
    ``None`` when it did not move the score. ``cursor`` continues after this item.
    """

    at: datetime
    kind: str
    key: str
    campaign_id: int | None = None
    campaign_name: str | None = None
    link_label: str | None = None
    link_target: str | None = None
    verdict: str | None = None
    verdict_reason: str | None = None
    verdict_params: Mapping[str, Any] = field(default_factory=dict)
    is_settled: bool = True
    points: float | None = None
    state: MessageState | None = None
    reason: Reason = Reason.none
    reason_detail: str | None = None
    list_name: str | None = None
    list_id: int | None = None
    source: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cursor(self) -> str:
        return f"{self.at.isoformat()}~{self.key}"


def contact_timeline(
    session: Session, *, contact_id: int, before: str | None = None, limit: int = 50
) -> list[TimelineItem]:
    """Return what happened with the contact, the latest first, older than the cursor ``before``.

    An unknown contact has an empty history. Raises :class:`UnknownCursor`.
    """
    edge = _read_cursor(before) if before else None
    items = [
        *_events(session, contact_id, edge, limit),
        *_messages(session, contact_id),
        *_ignored(session, contact_id),
        *_memberships(session, contact_id),
        *_created(session, contact_id),
    ]
    if edge is not None:
        items = [item for item in items if (item.at, item.key) < edge]
    return sorted(items, key=lambda item: (item.at, item.key), reverse=True)[:limit]


def _read_cursor(text: str) -> tuple[datetime, str]:
    at, mark, key = text.partition("~")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError as error:
        raise UnknownCursor("This place in the history is unknown; begin again at the top.", field="before") from error
    if not mark or instant.tzinfo is None or "\x00" in key:
        raise UnknownCursor("This place in the history is unknown; begin again at the top.", field="before")
    return instant, key


def _events(session: Session, contact_id: int, edge: tuple[datetime, str] | None, limit: int) -> list[TimelineItem]:
    """Read along the index (contact, time); an event's points stand in the entry of the same kind and instant."""
    query = (
        select(Event, Campaign.name, CampaignLink.label, CampaignLink.target, EngagementEntry.weight)
        .outerjoin(Campaign, Campaign.id == Event.campaign_id)
        .outerjoin(CampaignLink, and_(CampaignLink.campaign_id == Event.campaign_id, CampaignLink.number == Event.link))
        .outerjoin(
            EngagementEntry,
            and_(
                EngagementEntry.contact_id == Event.contact_id,
                EngagementEntry.kind == Event.kind,
                EngagementEntry.occurred_at == Event.occurred_at,
                EngagementEntry.campaign_id.is_not_distinct_from(Event.campaign_id),
            ),
        )
        .where(Event.contact_id == contact_id)
        .order_by(Event.occurred_at.desc(), _event_key().desc())
        .limit(limit)
    )
    if edge is not None:
        query = query.where(Event.occurred_at <= edge[0], tuple_(Event.occurred_at, _event_key()) < edge)
    return [
        TimelineItem(
            at=event.occurred_at,
            kind=event.kind,
            key=f"event:{event.source}:{event.source_id}",
            campaign_id=event.campaign_id,
            campaign_name=campaign_name,
            link_label=label,
            link_target=target,
            verdict=event.verdict,
            verdict_reason=event.verdict_reason,
            verdict_params=event.verdict_params or {},
            is_settled=event.settled_at is not None,
            points=points,
            source=event.source,
            data=event.data,
        )
        for event, campaign_name, label, target, points in session.execute(query)
    ]


def _event_key() -> Any:
    """The same text as :attr:`TimelineItem.key`, compared byte by byte as Python does."""
    return func.concat("event:", Event.source, ":", Event.source_id).collate("C")


def _messages(session: Session, contact_id: int) -> list[TimelineItem]:
    """One row a campaign: few enough to read them all. What is still waiting has not happened yet."""
    query = (
        select(Message, Campaign)
        .join(Campaign, Campaign.id == Message.campaign_id)
        .where(Message.contact_id == contact_id)
    )
    items = []
    for message, campaign in session.execute(query):
        state = MessageState(message.state)
        at = message.sent_at or campaign.frozen_at or campaign.started_at
        if state in (MessageState.waiting, MessageState.retry) and campaign.state == CampaignState.cancelled:
            state = MessageState.cancelled
        if at is None or state in (MessageState.waiting, MessageState.retry):
            continue
        items.append(
            TimelineItem(
                at=at,
                kind="message",
                key=f"message:{campaign.id:012d}",
                campaign_id=campaign.id,
                campaign_name=campaign.name,
                state=state,
                reason=Reason(message.reason),
                reason_detail=message.reason_detail,
            )
        )
    return items


def _ignored(session: Session, contact_id: int) -> list[TimelineItem]:
    query = (
        select(EngagementEntry, Campaign.name)
        .outerjoin(Campaign, Campaign.id == EngagementEntry.campaign_id)
        .where(EngagementEntry.contact_id == contact_id, EngagementEntry.kind.not_in(NEVER_EVENTS))
    )
    return [
        TimelineItem(
            at=entry.occurred_at,
            kind=entry.kind,
            key=f"entry:{entry.kind}:{entry.source}",
            campaign_id=entry.campaign_id,
            campaign_name=name,
            points=entry.weight,
        )
        for entry, name in session.execute(query)
    ]


def _memberships(session: Session, contact_id: int) -> list[TimelineItem]:
    """Steps of a subscription that no event tells of."""
    has_event = exists().where(
        Event.contact_id == Membership.contact_id,
        Event.occurred_at == Membership.unsubscribed_at,
        Event.kind == EventKind.unsubscribe,
    )
    query = (
        select(Membership, MailingList.name, has_event)
        .join(MailingList, MailingList.id == Membership.list_id)
        .where(Membership.contact_id == contact_id)
    )
    items = []
    for membership, list_name, is_told in session.execute(query):
        step = TimelineItem(
            at=membership.consent_at or membership.created_at,
            kind="subscribed",
            key=f"list:{membership.list_id:012d}:1",
            list_name=list_name,
            list_id=membership.list_id,
            source=membership.source,
        )
        items.append(step)
        if membership.confirmed_at is not None and membership.confirmed_at > step.at:
            items.append(replace(step, at=membership.confirmed_at, kind="confirmed", key=step.key[:-1] + "2"))
        left_at = membership.unsubscribed_at
        if membership.state == MembershipState.unsubscribed and left_at is not None and not is_told:
            source = membership.unsubscribe_source or ""
            items.append(replace(step, at=left_at, kind="left", key=step.key[:-1] + "3", source=source))
    return items


def _created(session: Session, contact_id: int) -> list[TimelineItem]:
    created_at = session.scalar(select(Contact.created_at).where(Contact.id == contact_id))
    return [] if created_at is None else [TimelineItem(at=created_at, kind="created", key="contact:")]
