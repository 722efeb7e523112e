"""The JSON Schema of rules, made from the same tables that parse them."""

from collections.abc import Mapping
from typing import Any

from campaigns.segments.fields import BUILT_IN, OPERATORS, FieldKind, Operand
from campaigns.segments.operands import MAX_DAYS, MAX_SCORE, MAX_TEXT, MAX_TEXTS
from campaigns.segments.rules import MAX_RULES

GROUP = "SegmentGroup"
RULE = "SegmentRule"
SCORE = {"type": "integer", "minimum": 0, "maximum": MAX_SCORE}
TEXT = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
ATTRIBUTE_KINDS = (FieldKind.text, FieldKind.number, FieldKind.date, FieldKind.boolean, FieldKind.tags)
OPERANDS: Mapping[Operand, dict[str, Any] | None] = {
    Operand.none: None,
    Operand.text: TEXT,
    Operand.texts: {"type": "array", "items": TEXT, "minItems": 1, "maxItems": MAX_TEXTS},
    Operand.number: {"type": "number"},
    Operand.numbers: {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    Operand.date: {"type": "string", "format": "date"},
    Operand.days: {"type": "integer", "minimum": 1, "maximum": MAX_DAYS},
    Operand.boolean: {"type": "boolean"},
    Operand.list: {"type": "string", "pattern": "^lst_", "description": "The id of a list."},
    Operand.score: SCORE,
    Operand.scores: {"type": "array", "items": SCORE, "minItems": 2, "maxItems": 2},
}


def rule_schemas(*, reference: str = "#/$defs/{model}") -> dict[str, dict[str, Any]]:
    """Return the schemas ``SegmentGroup`` and ``SegmentRule`` by name (JSON Schema 2020-12).

    ``reference`` is how one refers to the other; an OpenAPI document uses ``#/components/schemas/{model}``.
    """
    group_ref, rule_ref = ({"$ref": reference.format(model=name)} for name in (GROUP, RULE))
    return {
        GROUP: {
            "type": "object",
            "description": "Rules and groups of which all or any must hold. No rules at the top: everybody.",
            "properties": {
                "match": {"enum": ["all", "any"]},
                "rules": {"type": "array", "items": {"anyOf": [rule_ref, group_ref]}, "maxItems": MAX_RULES},
            },
            "required": ["match", "rules"],
            "additionalProperties": False,
        },
        RULE: {"description": "One condition.", "anyOf": _rules()},
    }


def _rules() -> list[dict[str, Any]]:
    built_in: dict[FieldKind, list[str]] = {}
    for field in BUILT_IN:
        built_in.setdefault(field.kind, []).append(field.name)
    schemas = [_rule(kind, {"enum": names}, operand) for kind, names in built_in.items() for operand in _operands(kind)]
    for kind in ATTRIBUTE_KINDS:
        name = {"type": "string", "pattern": r"^attributes\.", "description": f"A {kind.value} attribute, by name."}
        schemas += [_rule(kind, name, operand) for operand in _operands(kind)]
    return schemas


def _operands(kind: FieldKind) -> list[Operand]:
    return list(dict.fromkeys(OPERATORS[kind].values()))


def _rule(kind: FieldKind, field: dict[str, Any], operand: Operand) -> dict[str, Any]:
    operators = [name for name, needs in OPERATORS[kind].items() if needs == operand]
    properties: dict[str, Any] = {"field": field, "operator": {"enum": operators}}
    required = ["field", "operator"]
    value = OPERANDS[operand]
    if value is not None:
        properties["value"] = value
        required.append("value")
    if kind == FieldKind.activity:
        properties["campaign"] = {
            "type": ["string", "null"],
            "pattern": "^cmp_",
            "description": "One campaign; else any.",
        }
        properties["days"] = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_DAYS}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
