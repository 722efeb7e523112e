"""Rules → one SELECT of contact ids."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, true
from sqlalchemy.orm import Session

from campaigns.models.contact import Contact
from campaigns.segments.behave import activity_condition, engagement_condition, list_condition
from campaigns.segments.compare import value_condition
from campaigns.segments.fields import load_attributes
from campaigns.segments.moment import Moment, load_moment
from campaigns.segments.rules import ActivityRule, EngagementRule, Group, ListRule, Match, Rule, parse_rules


def select_contact_ids(session: Session, *, rules: dict[str, Any], now: datetime) -> Select[int]:
    """Return the SELECT of the ids of all contacts that match ``rules`` at ``now``, in no order.

    Nothing is run but two look-ups (attributes, installation). Every value is a bound parameter. Raises
    :class:`~campaigns.segments.operands.InvalidRule`.
    """
    group = parse_rules(rules, attributes=load_attributes(session))
    return compile_group(group, moment=load_moment(session, now=now))


def compile_group(group: Group, *, moment: Moment) -> Select[int]:
    """Return the SELECT of the ids of all contacts that match a parsed tree."""
    return select(Contact.id).where(_condition(group, moment))


def _condition(node: Rule | Group, moment: Moment) -> ColumnElement[bool]:
    match node:
        case Group():
            conditions = [_condition(each, moment) for each in node.rules]
            if not conditions:
                return true()
            return and_(*conditions) if node.match == Match.all else or_(*conditions)
        case ListRule():
            return list_condition(node)
        case EngagementRule():
            return engagement_condition(node, moment=moment)
        case ActivityRule():
            return activity_condition(node, moment=moment)
        case _:
            return value_condition(node, moment=moment)
