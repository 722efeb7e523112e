"""A segment while somebody edits it: form fields ↔ a draft tree ↔ rules.

Every part has a path: ``r`` is the outermost group, ``r.0`` its first condition or group, ``r.0.2`` the third inside
that. A condition posts ``r.0.field``, ``r.0.operator``, ``r.0.value`` (once or more), ``r.0.campaign``,
``r.0.days`` and ``r.0.was``, what its inputs were made for; a group posts ``r.1.match``. A draft may be unfinished;
:func:`to_rules` says what is missing, and where.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from campaigns.segments.fields import AttributeLike, Field, FieldKind, Operand
from campaigns.segments.operands import InvalidRule
from campaigns.segments.rules import MAX_DEPTH, MAX_RULES, parse_rules

ROOT = "r"
UNFINISHED = {"value_missing", "field_missing", "operator_missing"}

ALIKE = {Operand.texts: Operand.text, Operand.numbers: Operand.number, Operand.scores: Operand.score}
PLACES = {Operand.none: 0, Operand.numbers: 2, Operand.scores: 2, Operand.texts: None}


@dataclass
class DraftRule:
    """One condition as typed: everything is text."""

    path: str
    field: str = ""
    operator: str = ""
    values: list[str] = dataclasses.field(default_factory=list)
    campaign: str = ""
    days: str = ""
    was: str = ""


@dataclass
class DraftGroup:
    """A group as it stands in the form."""

    path: str
    match: str = "all"
    nodes: list["DraftRule | DraftGroup"] = dataclasses.field(default_factory=list)

    @property
    def depth(self) -> int:
        return self.path.count(".") + 1

    @property
    def may_hold_groups(self) -> bool:
        return self.depth < MAX_DEPTH


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place of a draft; ``unfinished`` while nothing was typed there yet."""

    path: str
    error: InvalidRule
    unfinished: bool = False


@dataclass(frozen=True)
class Checked:
    """A draft as rules, with its faults by path. Without faults the rules can be counted and saved."""

    rules: dict[str, Any]
    faults: Mapping[str, Fault]


# -- form → draft ---------------------------------------------------------------------------------------


def read_draft(form: MultiDict[str, str]) -> DraftGroup:
    """Return the draft that a form posted; anything beyond the limits of a segment is left out."""
    budget = [MAX_RULES + MAX_RULES]
    return _read_group(form, ROOT, budget)


def _read_group(form: MultiDict[str, str], path: str, budget: list[int]) -> DraftGroup:
    group = DraftGroup(path, "any" if form.get(f"{path}.match") == "any" else "all")
    number = 0
    while budget[0] > 0:
        here = f"{path}.{number}"
        budget[0] -= 1
        if f"{here}.match" in form and group.may_hold_groups:
            group.nodes.append(_read_group(form, here, budget))
        elif f"{here}.field" in form:
            group.nodes.append(_read_rule(form, here))
        else:
            break
        number += 1
    return group


def _read_rule(form: MultiDict[str, str], path: str) -> DraftRule:
    return DraftRule(
        path,
        field=form.get(f"{path}.field", ""),
        operator=form.get(f"{path}.operator", ""),
        values=[value for value in form.getlist(f"{path}.value") if value.strip()],
        campaign=form.get(f"{path}.campaign", ""),
        days=form.get(f"{path}.days", "").strip(),
        was=form.get(f"{path}.was", ""),
    )


# -- rules → draft --------------------------------------------------------------------------------------


def from_rules(rules: Mapping[str, Any], path: str = ROOT) -> DraftGroup:
    """Return the draft of saved rules."""
    group = DraftGroup(path, str(rules.get("match", "all")))
    for number, node in enumerate(rules.get("rules", [])):
        here = f"{path}.{number}"
        group.nodes.append(from_rules(node, here) if "rules" in node else _from_rule(node, here))
    return group


def _from_rule(rule: Mapping[str, Any], path: str) -> DraftRule:
    value = rule.get("value")
    values = value if isinstance(value, list) else [] if value is None else [value]
    return DraftRule(
        path,
        field=str(rule.get("field", "")),
        operator=str(rule.get("operator", "")),
        values=["yes" if each is True else "no" if each is False else str(each) for each in values],
        campaign=rule.get("campaign") or "",
        days="" if rule.get("days") is None else str(rule["days"]),
    )


# -- editing --------------------------------------------------------------------------------------------


def apply(draft: DraftGroup, deed: str) -> str | None:
    """Do what a button says (``add:r.1``, ``group:r``, ``remove:r.1.0``) and return the path to give the focus to."""
    action, _, path = deed.partition(":")
    place = _find(draft, path)
    focus: str | None = None
    if action == "add" and isinstance(place, DraftGroup) and size(draft) < MAX_RULES:
        place.nodes.append(DraftRule(""))
        focus = f"{place.path}.{len(place.nodes) - 1}.field"
    elif action == "group" and isinstance(place, DraftGroup) and place.may_hold_groups and size(draft) + 1 < MAX_RULES:
        place.nodes.append(DraftGroup("", "any" if place.match == "all" else "all", [DraftRule("")]))
        focus = f"{place.path}.{len(place.nodes) - 1}.0.field"
    elif action == "remove" and place is not None and place is not draft:
        parent = _find(draft, path.rpartition(".")[0])
        if isinstance(parent, DraftGroup):
            parent.nodes.remove(place)
            focus = f"{parent.path}.add"
    _number(draft, ROOT)
    return focus


def size(group: DraftGroup) -> int:
    """Return how many conditions and groups stand in a draft."""
    return sum(1 + (size(node) if isinstance(node, DraftGroup) else 0) for node in group.nodes)


def _find(group: DraftGroup, path: str) -> DraftRule | DraftGroup | None:
    if group.path == path:
        return group
    for node in group.nodes:
        if node.path == path:
            return node
        if isinstance(node, DraftGroup) and (found := _find(node, path)) is not None:
            return found
    return None


def _number(group: DraftGroup, path: str) -> None:
    group.path = path
    for number, node in enumerate(group.nodes):
        node.path = f"{path}.{number}"
        if isinstance(node, DraftGroup):
            _number(node, node.path)


def settle(draft: DraftGroup, fields: Mapping[str, Field]) -> None:
    """Give each condition an operator its field knows, and empty what a changed field or operator left behind."""
    for node in draft.nodes:
        if isinstance(node, DraftGroup):
            settle(node, fields)
        elif (known := fields.get(node.field)) is not None:
            _settle_rule(node, known)


def _settle_rule(rule: DraftRule, known: Field) -> None:
    if rule.operator not in known.operators:
        rule.operator = next(iter(known.operators))
    operand = known.operators[rule.operator]
    now = f"{known.name} {ALIKE.get(operand, operand)}"
    if rule.was not in ("", now):
        rule.values = []
    rule.was = now
    rule.values = rule.values[: PLACES.get(operand, 1)]
    if known.kind != FieldKind.activity:
        rule.campaign = rule.days = ""


# -- draft → rules --------------------------------------------------------------------------------------


def to_rules(draft: DraftGroup, *, fields: Mapping[str, Field], attributes: Sequence[AttributeLike]) -> Checked:
    """Return the rules of a draft and every fault in it; each condition is judged alone, so that all are shown."""
    faults: dict[str, Fault] = {}
    rules = _group_rules(draft, fields, attributes, faults)
    if not faults:
        try:
            parse_rules(rules, attributes=attributes)
        except InvalidRule as error:
            faults[ROOT] = Fault(ROOT, error)
    return Checked(rules, faults)


def _group_rules(
    group: DraftGroup, fields: Mapping[str, Field], attributes: Sequence[AttributeLike], faults: dict[str, Fault]
) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = []
    for node in group.nodes:
        if isinstance(node, DraftGroup):
            nodes.append(_group_rules(node, fields, attributes, faults))
            continue
        rule = _rule(node, fields)
        nodes.append(rule)
        try:
            parse_rules({"match": "all", "rules": [rule]}, attributes=attributes)
        except InvalidRule as error:
            is_blank = error.path.endswith(".value") and not node.values
            faults[node.path] = Fault(node.path, error, is_blank or error.reason in UNFINISHED)
    if not nodes and group.path != ROOT:
        empty = InvalidRule("This group holds no condition.", path=group.path, reason="empty_group")
        faults[group.path] = Fault(group.path, empty, True)
    return {"match": group.match, "rules": nodes}


def _rule(node: DraftRule, fields: Mapping[str, Field]) -> dict[str, Any]:
    rule: dict[str, Any] = {"field": node.field, "operator": node.operator}
    known = fields.get(node.field)
    operand = known.operators.get(node.operator, Operand.none) if known else Operand.none
    value = _value(node.values, operand)
    if value is not None:
        rule["value"] = value
    if node.campaign:
        rule["campaign"] = node.campaign
    if node.days:
        rule["days"] = _typed_number(node.days)
    return rule


def _value(values: Sequence[str], operand: Operand) -> Any:
    if operand == Operand.none:
        return None
    if operand == Operand.texts:
        return list(values)
    if operand in (Operand.numbers, Operand.scores):
        return [_typed_number(value) for value in values]
    first = values[0] if values else ""
    if operand in (Operand.number, Operand.days, Operand.score):
        return _typed_number(first)
    if operand == Operand.boolean:
        return {"yes": True, "no": False}.get(first)
    return first


def _typed_number(text: str) -> int | float | str:
    """Return the number somebody typed, or the text itself for the parser to refuse."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() and abs(number) < 1e15 else number
