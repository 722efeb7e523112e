"""Rules as data: the JSON of a segment becomes a tree of frozen, typed rules, or one clear complaint.

::

    {"match": "all", "rules": [
        {"field": "attributes.country", "operator": "is_any_of", "value": ["DE", "AT"]},
        {"match": "any", "rules": [
            {"field": "opened", "operator": "at_least_once", "days": 30},
            {"field": "engagement", "operator": "at_least", "value": 40}]}]}

A tree without any rule is everybody. There is no "not" around a group: each negation is an operator, and means
"everyone but those".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, cast

from campaigns.segments.fields import AttributeLike, Field, FieldKind, known_fields
from campaigns.segments.operands import MAX_SCORE, InvalidRule, Value, read_days, read_id, read_operand

MAX_DEPTH = 8
MAX_RULES = 100


class Match(StrEnum):
    """Whether all or any of a group's rules must hold."""

    all = "all"
    any = "any"


@dataclass(frozen=True)
class ValueRule:
    """A field of the contact, or an attribute, compared with a value."""

    field: Field
    operator: str
    value: Value


@dataclass(frozen=True)
class ListRule:
    """Where the contact stands with one list."""

    field: Field
    operator: str
    list_id: int


@dataclass(frozen=True)
class EngagementRule:
    """A shown score of at least ``low`` and at most ``high``, 0 to 100; None where that side is open."""

    field: Field
    operator: str
    low: int | None
    high: int | None


@dataclass(frozen=True)
class ActivityRule:
    """Sent, opened or clicked: in one campaign or any, in the last ``days`` or ever."""

    field: Field
    operator: str
    campaign_id: int | None
    days: int | None

    @property
    def happened(self) -> bool:
        return self.operator == "at_least_once"


Rule = ValueRule | ListRule | EngagementRule | ActivityRule


@dataclass(frozen=True)
class Group:
    """Rules and groups of which all or any must hold."""

    match: Match
    rules: tuple["Rule | Group", ...]


def parse_rules(data: Any, *, attributes: Iterable[AttributeLike]) -> Group:
    """Return the rule tree behind ``data``.

    Raises :class:`InvalidRule` with the path of the first fault and, for a misspelt name, the nearest known one.
    At most 8 levels and 100 rules.
    """
    return _Parser(known_fields(attributes)).group(data, "", 1)


def all_rules(group: Group) -> Iterator[Rule]:
    """Yield every rule of the tree, in the order it is written."""
    for node in group.rules:
        if isinstance(node, Group):
            yield from all_rules(node)
        else:
            yield node


class _Parser:
    """One parse: the fields known, and how many rules were seen so far."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = fields
        self.seen = 0

    def group(self, data: Any, path: str, depth: int) -> Group:
        data = _object(data, path, {"match", "rules"})
        if depth > MAX_DEPTH:
            raise InvalidRule(
                f"{path or 'rules'}: groups are nested more than {MAX_DEPTH} deep; flatten them.",
                path=path,
                reason="too_deep",
                limit=MAX_DEPTH,
            )
        match = _choice(data.get("match"), list(Match), _join(path, "match"), "match")
        nodes = data.get("rules")
        if not isinstance(nodes, list):
            where = _join(path, "rules")
            raise InvalidRule(f"{where}: a list of rules is needed here.", path=where, reason="list_needed")
        if not nodes and depth > 1:
            raise InvalidRule(
                f"{path}: this group holds no condition; add one or remove the group.", path=path, reason="empty_group"
            )
        return Group(
            Match(match), tuple(self.node(node, _join(path, f"rules[{i}]"), depth) for i, node in enumerate(nodes))
        )

    def node(self, data: Any, path: str, depth: int) -> Rule | Group:
        self.seen += 1
        if self.seen > MAX_RULES:
            raise InvalidRule(
                f"{path}: a segment holds at most {MAX_RULES} conditions.",
                path=path,
                reason="too_many_rules",
                limit=MAX_RULES,
            )
        if isinstance(data, dict) and ("rules" in data or "match" in data):
            return self.group(data, path, depth + 1)
        return self.rule(data, path)

    def rule(self, data: Any, path: str) -> Rule:
        data = _object(data, path, {"field", "operator", "value", "campaign", "days"})
        field = self.fields[_choice(data.get("field"), list(self.fields), _join(path, "field"), "field")]
        operator = _choice(data.get("operator"), list(field.operators), _join(path, "operator"), "operator")
        if field.kind == FieldKind.activity:
            return _activity(data, field, operator, path)
        for key in ("campaign", "days"):
            if data.get(key) is not None:
                where = _join(path, key)
                raise InvalidRule(
                    f"{where}: only sent, opened and clicked have {key}.", path=where, reason="unknown_key", name=key
                )
        value = read_operand(data.get("value"), operand=field.operators[operator], path=_join(path, "value"))
        if field.kind == FieldKind.list:
            return ListRule(field, operator, cast(int, value))
        if field.kind == FieldKind.engagement:
            return _engagement(field, operator, value, path)
        return ValueRule(field, operator, value)


def _activity(data: Mapping[str, Any], field: Field, operator: str, path: str) -> ActivityRule:
    read_operand(data.get("value"), operand=field.operators[operator], path=_join(path, "value"))
    campaign, days = data.get("campaign"), data.get("days")
    return ActivityRule(
        field,
        operator,
        campaign_id=None if campaign is None else read_id(campaign, kind="campaign", path=_join(path, "campaign")),
        days=None if days is None else read_days(days, _join(path, "days")),
    )


def _engagement(field: Field, operator: str, value: Value, path: str) -> EngagementRule:
    if isinstance(value, tuple):
        return EngagementRule(field, operator, cast(int, value[0]), cast(int, value[1]))
    score = cast(int, value)
    if operator == "at_least":
        return EngagementRule(field, operator, score, None)
    if score == 0:
        where = _join(path, "value")
        raise InvalidRule(
            f"{where}: no score is below 0; a whole number from 1 to {MAX_SCORE} is needed here.",
            path=where,
            reason="score_needed",
            low=1,
            high=MAX_SCORE,
        )
    return EngagementRule(field, operator, None, score - 1)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _object(data: Any, path: str, known: set[str]) -> Mapping[str, Any]:
    where = path or "rules"
    if not isinstance(data, dict):
        raise InvalidRule(f"{where}: an object is needed here.", path=path, reason="object_needed")
    for key in data:
        if key not in known:
            raise InvalidRule(
                f"{where}: {str(key)[:60]!r} is not known here{_hint(str(key), sorted(known))}",
                path=path,
                reason="unknown_key",
                name=str(key)[:60],
            )
    return data


def _choice(data: Any, known: list[str], path: str, what: str) -> str:
    if isinstance(data, str) and data in known:
        return data
    if data is None or data == "":
        raise InvalidRule(f"{path}: the {what} is missing; choose one.", path=path, reason=f"{what}_missing")
    name = str(data)[:60]
    raise InvalidRule(
        f"{path}: there is no {what} {name!r}{_hint(name, known)}", path=path, reason=f"unknown_{what}", name=name
    )


def _hint(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known are {', '.join(known[:20])}" + (", …" if len(known) > 20 else ".")
