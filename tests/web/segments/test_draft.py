"""Form ↔ draft ↔ rules."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from campaigns.segments.fields import known_fields
from tests.segments.test_rules import Column
from web.segments.draft import DraftGroup, DraftRule, apply, from_rules, read_draft, settle, size, to_rules

ATTRIBUTES = [Column(1, "country", "Country", "text"), Column(2, "orders", "Orders", "number")]
FIELDS = known_fields(ATTRIBUTES)

LEAVES = st.one_of(
    st.fixed_dictionaries(
        {
            "field": st.just("attributes.country"),
            "operator": st.just("is_any_of"),
            "value": st.lists(st.sampled_from(["DE", "a,b", "Österreich"]), min_size=1, max_size=3, unique=True),
        }
    ),
    st.fixed_dictionaries(
        {
            "field": st.just("attributes.orders"),
            "operator": st.sampled_from(["at_least", "is_not"]),
            "value": st.sampled_from([0, 12, -3, 2.5]),
        }
    ),
    st.just({"field": "engagement", "operator": "between", "value": [0, 40]}),
    st.just({"field": "created_at", "operator": "before", "value": "2026-03-31"}),
    st.just({"field": "time_zone", "operator": "is_set"}),
    st.just({"field": "opened", "operator": "never", "days": 30}),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries(
        {"match": st.sampled_from(["all", "any"]), "rules": st.lists(inner, min_size=1, max_size=3)}
    ),
    max_leaves=12,
).map(lambda tree: {"match": "any", "rules": [tree]})


def posted(draft: DraftGroup) -> MultiDict[str, str]:
    """What a browser would post for a draft."""
    form: MultiDict[str, str] = MultiDict({f"{draft.path}.match": draft.match})
    for node in draft.nodes:
        if isinstance(node, DraftGroup):
            form.update(posted(node))
            continue
        for name in ("field", "operator", "campaign", "days", "was"):
            form.add(f"{node.path}.{name}", getattr(node, name))
        for value in [*node.values, ""]:
            form.add(f"{node.path}.value", value)
    return form


@given(TREES)
def test_rules_come_through_the_form_unchanged(tree: dict[str, Any]) -> None:
    draft = from_rules(tree)
    settle(draft, FIELDS)
    again = read_draft(posted(draft))
    settle(again, FIELDS)
    checked = to_rules(again, fields=FIELDS, attributes=ATTRIBUTES)
    assert (checked.faults, checked.rules) == ({}, tree)


@given(
    st.dictionaries(st.from_regex(r"\Ar(\.[0-3]){0,9}\.(match|field|value|days)\Z"), st.text(max_size=5), max_size=40)
)
def test_any_form_is_read_without_harm(fields: dict[str, str]) -> None:
    draft = read_draft(MultiDict(fields))
    settle(draft, FIELDS)
    to_rules(draft, fields=FIELDS, attributes=ATTRIBUTES)


def test_a_form_of_a_million_conditions_is_cut() -> None:
    form: MultiDict[str, str] = MultiDict({f"r.{number}.field": "email" for number in range(5000)})
    assert size(read_draft(form)) <= 200


def test_buttons_add_and_remove_at_their_place_and_say_where_the_focus_goes() -> None:
    draft = DraftGroup("r", nodes=[DraftRule("r.0", field="email")])
    assert apply(draft, "group:r") == "r.1.0.field"
    assert apply(draft, "add:r.1") == "r.1.1.field"
    assert apply(draft, "remove:r.1.0") == "r.1.add"
    group = draft.nodes[1]
    assert isinstance(group, DraftGroup)
    assert (group.match, [node.path for node in group.nodes]) == ("any", ["r.1.0"])
    assert apply(draft, "remove:r.0") == "r.add"
    assert [node.path for node in draft.nodes] == ["r.0"]


def test_a_deed_that_fits_nowhere_changes_nothing() -> None:
    draft = DraftGroup("r", nodes=[DraftRule("r.0", field="email")])
    for deed in ("remove:r", "remove:r.7", "add:r.0", "group:", "explode:r", ""):
        apply(draft, deed)
    assert [node.path for node in draft.nodes] == ["r.0"]


def test_a_changed_field_or_operator_empties_what_was_meant_for_the_old_one() -> None:
    rule = DraftRule("r.0", field="attributes.country", operator="is", values=["DE"])
    draft = DraftGroup("r", nodes=[rule])
    settle(draft, FIELDS)
    rule.operator = "is_any_of"
    settle(draft, FIELDS)
    assert rule.values == ["DE"]
    rule.field = "attributes.orders"
    settle(draft, FIELDS)
    assert (rule.operator, rule.values) == ("is", [])


def test_every_fault_is_found_at_its_place() -> None:
    tree = {
        "match": "all",
        "rules": [
            {"field": "email", "operator": "is", "value": "x"},
            {"field": "attributes.orders", "operator": "at_least", "value": "many"},
            {"match": "any", "rules": [{"field": "engagement", "operator": "at_least"}]},
        ],
    }
    draft = from_rules(tree)
    settle(draft, FIELDS)
    faults = to_rules(draft, fields=FIELDS, attributes=ATTRIBUTES).faults
    assert {path: fault.unfinished for path, fault in faults.items()} == {"r.1": False, "r.2.0": True}
