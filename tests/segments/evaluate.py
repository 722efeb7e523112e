"""The same rules by hand: a plain evaluator over plain Python people, which the SQL must agree with."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from campaigns.segments.compare import fold_address
from campaigns.segments.moment import Moment
from campaigns.segments.rules import ActivityRule, EngagementRule, Group, ListRule, Match, Rule, ValueRule


@dataclass
class Person:
    """One contact with everything that rules can ask about; ``score`` None is no row, "unmeasured" is a row."""

    email: str
    given_name: str = ""
    family_name: str = ""
    language: str | None = None
    time_zone: str | None = None
    created_at: datetime | None = None
    attributes: dict[int, Any] = field(default_factory=dict)
    lists: dict[int, str] = field(default_factory=dict)
    score: int | None = None
    measured: bool = True
    sent: dict[int, datetime] = field(default_factory=dict)
    marks: dict[tuple[str, int], datetime] = field(default_factory=dict)
    events: list[tuple[str, int, datetime]] = field(default_factory=list)


def low(text: str) -> str:
    """One letter for one letter, as PostgreSQL's C.UTF-8 lowers."""
    return "".join("i" if letter == "İ" else letter.lower() for letter in text)


def holds(node: Rule | Group, person: Person, moment: Moment) -> bool:
    match node:
        case Group():
            results = [holds(each, person, moment) for each in node.rules]
            return (all(results) or not results) if node.match == Match.all else (any(results) or not results)
        case ListRule():
            state = person.lists.get(node.list_id)
            return {
                "is_member": state == "confirmed",
                "is_not_member": state != "confirmed",
                "is_pending": state == "pending",
                "has_unsubscribed": state == "unsubscribed",
            }[node.operator]
        case EngagementRule():
            score = person.score or 0
            above = node.low is None or score >= node.low
            return person.measured and above and (node.high is None or score <= node.high)
        case ActivityRule():
            return did(node, person, moment) == (node.operator == "at_least_once")
        case _:
            return compares(node, person, moment)


def did(rule: ActivityRule, person: Person, moment: Moment) -> bool:
    def recent(at: datetime) -> bool:
        return rule.days is None or moment.now - timedelta(days=rule.days) <= at <= moment.now

    campaign = rule.campaign_id
    if rule.field.name == "sent":
        return any(recent(at) for each, at in person.sent.items() if campaign in (None, each))
    if campaign is not None and rule.days is None:
        return (rule.field.name, campaign) in person.marks
    kind = {"opened": "open", "clicked": "click"}[rule.field.name]
    return any(kind == k and campaign in (None, c) and recent(at) for k, c, at in person.events)


def compares(rule: ValueRule, person: Person, moment: Moment) -> bool:
    operator, value = rule.operator, rule.value
    if rule.field.attribute_id is not None:
        stored = person.attributes.get(rule.field.attribute_id)
    else:
        stored = getattr(person, rule.field.name)
    if operator == "is_set":
        return stored not in (None, "")
    if operator == "is_not_set":
        return stored in (None, "")
    match rule.field.kind:
        case "email":
            values = [fold_address(text) for text in ([value] if isinstance(value, str) else value)]
            return text_compares(operator, fold_address(stored), values, fold=str)
        case "language":
            spoken = (stored or "").lower()
            chosen = any(spoken == tag.lower() or spoken.startswith(tag.lower() + "-") for tag in value)
            return chosen == (operator == "is_any_of")
        case "text":
            return text_compares(operator, stored, [value] if isinstance(value, str) else value, fold=low)
        case "tags":
            own, asked = set(stored or []), set(value)
            return {"has_any": bool(own & asked), "has_all": asked <= own, "has_none": not own & asked}[operator]
        case "number":
            return number_compares(operator, stored, value)
        case "boolean":
            return stored is value
        case "instant":
            return instant_compares(operator, stored, value, moment)
        case _:
            return date_compares(operator, stored and date.fromisoformat(stored), value, moment)


def text_compares(operator: str, stored: str | None, values: Any, fold: Any) -> bool:
    match operator:
        case "is" | "is_any_of":
            return stored in values
        case "is_not":
            return stored not in values
        case "contains":
            return stored is not None and fold(values[0]) in fold(stored)
        case _:
            return stored is not None and fold(stored).startswith(fold(values[0]))


def number_compares(operator: str, stored: Any, value: Any) -> bool:
    if operator in ("is", "is_not"):
        return (stored == value) == (operator == "is")
    if stored is None:
        return False
    if operator == "between":
        return value[0] <= stored <= value[1]
    return {
        "more_than": stored > value,
        "at_least": stored >= value,
        "less_than": stored < value,
        "at_most": stored <= value,
    }[operator]


def date_compares(operator: str, stored: date | None, value: Any, moment: Moment) -> bool:
    if stored is None:
        return False
    if isinstance(value, date):
        return {"before": stored < value, "after": stored > value, "on": stored == value}[operator]
    first = moment.today - timedelta(days=value)
    return first <= stored <= moment.today if operator == "in_last_days" else stored < first


def instant_compares(operator: str, stored: datetime, value: Any, moment: Moment) -> bool:
    if isinstance(value, date):
        return date_compares(operator, stored.astimezone(moment.zone).date(), value, moment)
    first = moment.now - timedelta(days=value)
    return first <= stored <= moment.now if operator == "in_last_days" else stored < first
