"""Conditions on what a contact did: lists, engagement, sent, opened, clicked.

Each is one correlated EXISTS, which PostgreSQL turns into a semi or anti join at the top, into a hash or an index
probe inside an "any" group, and which stays right where rows are missing. Only settled events of people count.
"""

from typing import Any

from sqlalchemy import ColumnElement, Exists, exists, literal

from campaigns.models.contact import Contact
from campaigns.models.engagement import Engagement
from campaigns.models.event import Event, Verdict
from campaigns.models.membership import Membership, MembershipState
from campaigns.models.message import Message, MessageState
from campaigns.segments.moment import Moment
from campaigns.segments.operands import MAX_SCORE
from campaigns.segments.rules import ActivityRule, EngagementRule, ListRule

Condition = ColumnElement[bool]

LIST_STATES = {
    "is_member": MembershipState.confirmed,
    "is_not_member": MembershipState.confirmed,
    "is_pending": MembershipState.pending,
    "has_unsubscribed": MembershipState.unsubscribed,
}
EVENT_KINDS = {"opened": "open", "clicked": "click"}
FIRST_MARKS = {"opened": Message.opened_at, "clicked": Message.clicked_at}


def list_condition(rule: ListRule) -> Condition:
    """Return the condition on a membership; ``is_not_member`` is everyone but the confirmed members."""
    found = exists().where(
        Membership.contact_id == Contact.id,
        Membership.list_id == rule.list_id,
        Membership.state == _fixed(LIST_STATES[rule.operator].value),
    )
    return ~found if rule.operator == "is_not_member" else found


def engagement_condition(rule: EngagementRule, *, moment: Moment) -> Condition:
    """Return the condition on the score shown now, as a constant that the index on mass is compared with.

    Contacts who are not measured never match; those without a row have a score of 0.
    """
    mine = exists().where(Engagement.contact_id == Contact.id)
    measured: Condition = Engagement.measured.is_(True)
    low, high = rule.low or 0, MAX_SCORE if rule.high is None else rule.high
    enough = Engagement.mass >= moment.decay.mass_at_score(low, moment.now)
    too_much = Engagement.mass >= moment.decay.mass_at_score(high + 1, moment.now)
    if low and high < MAX_SCORE:
        return mine.where(measured, enough, ~too_much)
    if low:
        return mine.where(measured, enough)
    return ~mine.where(~measured if high == MAX_SCORE else ~measured | too_much)


def activity_condition(rule: ActivityRule, *, moment: Moment) -> Condition:
    """Return the condition on mailings: from message rows where a campaign is named, from events where not."""
    if rule.field.name == "sent":
        found = _sent(rule, moment)
    elif rule.campaign_id is not None and rule.days is None:
        found = exists().where(
            Message.contact_id == Contact.id,
            Message.campaign_id == rule.campaign_id,
            FIRST_MARKS[rule.field.name].is_not(None),
        )
    else:
        found = _event(rule, moment)
    return found if rule.happened else ~found


def _sent(rule: ActivityRule, moment: Moment) -> Exists:
    found = exists().where(Message.contact_id == Contact.id, Message.state == _fixed(MessageState.sent.value))
    if rule.campaign_id is not None:
        found = found.where(Message.campaign_id == rule.campaign_id)
    if rule.days is not None:
        found = found.where(Message.sent_at >= moment.ago(rule.days), Message.sent_at <= moment.now)
    return found


def _event(rule: ActivityRule, moment: Moment) -> Exists:
    found = exists().where(
        Event.contact_id == Contact.id,
        Event.kind == _fixed(EVENT_KINDS[rule.field.name]),
        Event.verdict == _fixed(Verdict.person.value),
        Event.settled_at.is_not(None),
    )
    if rule.campaign_id is not None:
        found = found.where(Event.campaign_id == rule.campaign_id)
    if rule.days is not None:
        found = found.where(Event.occurred_at >= moment.ago(rule.days), Event.occurred_at <= moment.now)
    return found


def _fixed(value: str | int) -> ColumnElement[Any]:
    """Write one of our own constants into the SQL, so that even a prepared plan may use a partial index."""
    return literal(value, literal_execute=True)
