"""The fold is the same for any order, with duplicates and after revisions."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from campaigns.decay import Decay
from campaigns.models.event import EventKind
from campaigns.scoring.entries import ScoredEvent, fold_events, last_act, sum_mass
from campaigns.scoring.weights import DEFAULT_WEIGHTS, Scale

LANDMARK = datetime(2026, 1, 1, tzinfo=UTC)
SCALE = Scale(DEFAULT_WEIGHTS, Decay(landmark=LANDMARK, half_life_days=30))
KINDS = [kind.value for kind in EventKind]


@st.composite
def scored_events(draw: st.DrawFn) -> ScoredEvent:
    at = LANDMARK + timedelta(seconds=draw(st.integers(-(10**8), 10**9)))
    return ScoredEvent(
        kind=draw(st.sampled_from(KINDS)),
        occurred_at=at,
        settled_at=at + timedelta(seconds=60),
        identity=(draw(st.sampled_from(["hit", "unsubscribe", "api"])), str(draw(st.integers(0, 30)))),
        campaign_id=draw(st.one_of(st.none(), st.integers(1, 4))),
        list_id=draw(st.one_of(st.none(), st.integers(1, 2))),
    )


def event(kind: str, day: float, **other: object) -> ScoredEvent:
    at = LANDMARK + timedelta(days=day)
    made = ScoredEvent(kind=kind, occurred_at=at, settled_at=at, identity=("hit", f"{kind}{day}"), campaign_id=1)
    return replace(made, **other)  # type: ignore[arg-type]


@given(st.lists(scored_events(), max_size=30), st.randoms(use_true_random=False))
def test_order_and_duplicates_change_nothing(events: list[ScoredEvent], chance: random.Random) -> None:
    expected = fold_events(events, scale=SCALE)
    again = [*events, *chance.choices(events, k=5)] if events else []
    chance.shuffle(again)
    assert fold_events(again, scale=SCALE) == expected
    assert sum_mass([entry.contribution for entry in expected]) == sum_mass(
        [entry.contribution for entry in fold_events(again, scale=SCALE)]
    )


@given(st.lists(scored_events(), max_size=30))
def test_each_group_has_one_entry_and_it_is_the_earliest(events: list[ScoredEvent]) -> None:
    entries = fold_events(events, scale=SCALE)
    assert len({(entry.kind, entry.source) for entry in entries}) == len(entries)
    for entry in entries:
        if entry.campaign_id is not None and entry.kind != EventKind.unsubscribe:
            theirs = [e for e in events if e.kind == entry.kind and e.campaign_id == entry.campaign_id]
            assert entry.occurred_at == min(e.occurred_at for e in theirs)


@given(
    st.lists(scored_events(), max_size=12),
    st.lists(scored_events(), max_size=12),
    st.integers(0, 4000),
    st.floats(7, 365),
)
def test_order_by_mass_is_order_by_points_at_any_later_time(
    ours: list[ScoredEvent], theirs: list[ScoredEvent], days: int, half_life: float
) -> None:
    decay = Decay(landmark=LANDMARK, half_life_days=half_life)
    scale = Scale(DEFAULT_WEIGHTS, decay)
    later = LANDMARK + timedelta(days=days)
    first, second = (
        sum_mass([entry.contribution for entry in fold_events(side, scale=scale)]) for side in (ours, theirs)
    )
    if first <= second:
        assert decay.points(first, later) <= decay.points(second, later)


def test_ten_clicks_in_one_campaign_count_once() -> None:
    entries = fold_events([event("click", day) for day in range(10)], scale=SCALE)
    assert [(entry.kind, entry.source, entry.weight) for entry in entries] == [("click", "campaign:1", 18.0)]
    assert entries[0].occurred_at == LANDMARK


def test_the_same_kind_in_two_campaigns_counts_twice() -> None:
    assert len(fold_events([event("open", 1), event("open", 2, campaign_id=2)], scale=SCALE)) == 2


def test_events_without_a_campaign_stand_for_themselves() -> None:
    bounces = [event("bounce", day, campaign_id=None) for day in (1, 2)]
    assert len(fold_events(bounces, scale=SCALE)) == 2


def test_what_has_no_weight_is_no_entry() -> None:
    assert fold_events([event("custom", 1), event("purchase", 1)], scale=SCALE) == ()


def test_an_unsubscribe_that_was_taken_back_costs_nothing() -> None:
    left, back = event("unsubscribe", 1, list_id=1), event("resubscribe", 2, list_id=1)
    assert fold_events([left], scale=SCALE)[0].weight == -20
    assert fold_events([back, left], scale=SCALE) == ()
    other_list = event("resubscribe", 2, list_id=2)
    assert len(fold_events([left, other_list], scale=SCALE)) == 1
    gone_again = event("unsubscribe", 3, list_id=1)
    assert [entry.occurred_at for entry in fold_events([left, back, gone_again], scale=SCALE)] == [
        gone_again.occurred_at
    ]


def test_a_bounce_is_not_the_persons_act() -> None:
    assert last_act([event("bounce", 5), event("open", 2)]) == LANDMARK + timedelta(days=2)
    assert last_act([event("bounce", 5)]) is None
