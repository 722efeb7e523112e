"""The published schema and the parser are made from the same tables."""

from campaigns.segments.fields import BUILT_IN, OPERATORS
from campaigns.segments.schema import rule_schemas


def test_every_field_and_operator_is_in_the_schema() -> None:
    branches = rule_schemas()["SegmentRule"]["anyOf"]
    described = {
        (name, operator)
        for branch in branches
        for name in branch["properties"]["field"].get("enum", [])
        for operator in branch["properties"]["operator"]["enum"]
    }
    assert described == {(field.name, operator) for field in BUILT_IN for operator in OPERATORS[field.kind]}


def test_references_follow_the_document_they_stand_in() -> None:
    group = rule_schemas(reference="#/components/schemas/{model}")["SegmentGroup"]
    choices = group["properties"]["rules"]["items"]["anyOf"]
    assert [choice["$ref"] for choice in choices] == [
        "#/components/schemas/SegmentRule",
        "#/components/schemas/SegmentGroup",
    ]
