"""Reading rules: what is taken, what is refused, and how clearly."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.ids import encode_id
from campaigns.segments.operands import InvalidRule
from campaigns.segments.rules import ActivityRule, EngagementRule, Group, ListRule, ValueRule, parse_rules


@dataclass(frozen=True)
class Column:
    id: int
    name: str
    label: str
    kind: str


ATTRIBUTES = [Column(1, "country", "Country", "text"), Column(2, "orders", "Orders", "number")]


def parse(*rules: Any, match: str = "all") -> Group:
    return parse_rules({"match": match, "rules": list(rules)}, attributes=ATTRIBUTES)


def refused(*rules: Any) -> InvalidRule:
    with pytest.raises(InvalidRule) as caught:
        parse(*rules)
    return caught.value


def test_rules_become_typed_values() -> None:
    tree = parse(
        {"field": "created_at", "operator": "before", "value": "2026-03-31"},
        {"field": "list", "operator": "is_member", "value": encode_id("list", 7)},
        {"match": "any", "rules": [{"field": "engagement", "operator": "below", "value": 20}]},
        {"field": "opened", "operator": "never", "campaign": encode_id("campaign", 3), "days": 30},
    )
    value, listed, group, opened = tree.rules
    assert isinstance(value, ValueRule)
    assert value.value == date(2026, 3, 31)
    assert isinstance(listed, ListRule)
    assert listed.list_id == 7
    assert isinstance(group, Group)
    assert isinstance(group.rules[0], EngagementRule)
    assert (group.rules[0].low, group.rules[0].high) == (None, 19)
    assert isinstance(opened, ActivityRule)
    assert (opened.campaign_id, opened.days, opened.happened) == (3, 30, False)


def test_a_misspelt_field_is_refused_with_its_place_and_the_nearest_name() -> None:
    error = refused({"match": "any", "rules": [{"field": "attributes.contry", "operator": "is", "value": "DE"}]})
    assert error.field == "rules[0].rules[0].field"
    assert error.reason == "unknown_field"
    assert "did you mean 'attributes.country'?" in str(error)


def test_a_misspelt_operator_is_refused_with_its_place_and_the_nearest_name() -> None:
    error = refused({"field": "email", "operator": "contain", "value": "x"})
    assert error.field == "rules[0].operator"
    assert "did you mean 'contains'?" in str(error)


FAULTS = [
    ({"field": "attributes.orders", "operator": "at_least", "value": "12"}, "rules[0].value", "number_needed"),
    ({"field": "attributes.orders", "operator": "at_least", "value": True}, "rules[0].value", "number_needed"),
    ({"field": "attributes.orders", "operator": "at_least", "value": float("nan")}, "rules[0].value", "number_needed"),
    ({"field": "attributes.orders", "operator": "between", "value": [5, 1]}, "rules[0].value", "range_backwards"),
    ({"field": "attributes.orders", "operator": "between", "value": [5]}, "rules[0].value", "range_needed"),
    ({"field": "given_name", "operator": "is", "value": "  "}, "rules[0].value", "value_missing"),
    ({"field": "given_name", "operator": "is"}, "rules[0].value", "text_needed"),
    ({"field": "given_name", "operator": "is", "value": "a\0b"}, "rules[0].value", "text_unstorable"),
    ({"field": "given_name", "operator": "is", "value": "\ud800"}, "rules[0].value", "text_unstorable"),
    ({"field": "given_name", "operator": "is", "value": "a" * 1001}, "rules[0].value", "text_too_long"),
    ({"field": "given_name", "operator": "is_any_of", "value": []}, "rules[0].value", "value_missing"),
    ({"field": "given_name", "operator": "is_any_of", "value": ["a", 1]}, "rules[0].value[1]", "text_needed"),
    ({"field": "given_name", "operator": "is_any_of", "value": ["a"] * 201}, "rules[0].value", "too_many_values"),
    ({"field": "given_name", "operator": "is_set", "value": "x"}, "rules[0].value", "no_value_expected"),
    ({"field": "created_at", "operator": "on", "value": "20260331"}, "rules[0].value", "date_needed"),
    ({"field": "created_at", "operator": "on", "value": "2026-02-30"}, "rules[0].value", "date_needed"),
    ({"field": "created_at", "operator": "in_last_days", "value": 0}, "rules[0].value", "days_needed"),
    ({"field": "created_at", "operator": "in_last_days", "value": 1.5}, "rules[0].value", "days_needed"),
    ({"field": "engagement", "operator": "at_least", "value": 101}, "rules[0].value", "score_needed"),
    ({"field": "engagement", "operator": "below", "value": 0}, "rules[0].value", "score_needed"),
    ({"field": "list", "operator": "is_member", "value": "cmp_UkLWZg9D"}, "rules[0].value", "list_needed"),
    ({"field": "opened", "operator": "never", "campaign": 3}, "rules[0].campaign", "campaign_needed"),
    ({"field": "opened", "operator": "never", "days": 36501}, "rules[0].days", "days_needed"),
    ({"field": "email", "operator": "is", "value": "x", "days": 3}, "rules[0].days", "unknown_key"),
    ({"field": "email", "operator": "is", "value": "x", "not": True}, "rules[0]", "unknown_key"),
    ({"field": "", "operator": "is"}, "rules[0].field", "field_missing"),
    ({"field": "email"}, "rules[0].operator", "operator_missing"),
    ({"match": "any", "rules": []}, "rules[0]", "empty_group"),
    ({"match": "none", "rules": [{}]}, "rules[0].match", "unknown_match"),
    ({"match": "any", "rules": {}}, "rules[0].rules", "list_needed"),
    ("email", "rules[0]", "object_needed"),
]


@pytest.mark.parametrize(("rule", "path", "reason"), FAULTS)
def test_every_fault_is_named_with_its_place(rule: Any, path: str, reason: str) -> None:
    error = refused(rule)
    assert (error.field, error.reason) == (path, reason)
    assert str(error).startswith(path)


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {"match": "all", "rules": [{"field": "time_zone", "operator": "is_set"}]}
    for _ in range(depth - 1):
        tree = {"match": "any", "rules": [tree]}
    return tree


def test_eight_levels_are_taken_and_nine_are_refused() -> None:
    parse_rules(nested(8), attributes=[])
    with pytest.raises(InvalidRule, match="8 deep"):
        parse_rules(nested(9), attributes=[])


def test_a_hundred_conditions_are_taken_and_one_more_is_refused() -> None:
    rule = {"field": "time_zone", "operator": "is_set"}
    assert len(parse(*[rule] * 100).rules) == 100
    assert refused(*[rule] * 101).reason == "too_many_rules"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["all", "email"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["match", "rules", "field", "operator", "value", "days", "x"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_either_read_or_refused_with_a_path(data: Any) -> None:
    complaint = ""
    try:
        parse_rules(data, attributes=ATTRIBUTES)
    except InvalidRule as error:
        complaint = f"{error.path or 'rules'}: "
        message = str(error)
    assert not complaint or message.startswith(complaint)
