"""From events to entries: pure, and the same whatever order the events come in and however often.

An entry stands for one group (contact, kind, source) and is its earliest settled human event: ten clicks in one
campaign count once. The sum is taken by ``fsum`` in the order of the keys, so that it is exact and repeatable.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.models.event import EventKind
from campaigns.scoring.weights import Scale

PERSONS_ACTS = frozenset(
    {
        EventKind.open,
        EventKind.click,
        EventKind.reply,
        EventKind.purchase,
        EventKind.page_view,
        EventKind.custom,
        EventKind.subscribe,
        EventKind.unsubscribe,
        EventKind.resubscribe,
    }
)


@dataclass(frozen=True)
class ScoredEvent:
    """A settled human event. ``identity`` is its source and its id there; ``list_id`` is known of (un)subscribes."""

    kind: str
    occurred_at: datetime
    settled_at: datetime
    identity: tuple[str, str]
    campaign_id: int | None = None
    list_id: int | None = None


@dataclass(frozen=True)
class Entry:
    """One group's worth: ``contribution`` is in forward-decayed mass (see :mod:`campaigns.decay`)."""

    kind: str
    source: str
    occurred_at: datetime
    settled_at: datetime
    weight: float
    contribution: float
    campaign_id: int | None


def fold_events(events: Iterable[ScoredEvent], *, scale: Scale) -> tuple[Entry, ...]:
    """Return the entries of one contact's events, sorted by (kind, source).

    An unsubscribe that was taken back (a later resubscribe to the same list) is no entry.
    """
    known = set(events)
    returns = [event for event in known if event.kind == EventKind.resubscribe]
    earliest: dict[tuple[str, str], ScoredEvent] = {}
    for event in sorted(known, key=lambda event: (event.occurred_at, event.identity)):
        if scale.weight(event.kind) and not _is_taken_back(event, returns):
            earliest.setdefault((event.kind, _group(event)), event)
    return tuple(_make_entry(group, earliest[group], scale) for group in sorted(earliest))


def sum_mass(contributions: Sequence[float]) -> float:
    """Return the sum of contributions, given in key order; always finite."""
    return math.fsum(contributions)


def last_act(events: Iterable[ScoredEvent]) -> datetime | None:
    """Return when the person last did something of their own; bounces and complaints filed for them are not that."""
    return max((event.occurred_at for event in events if event.kind in PERSONS_ACTS), default=None)


def _group(event: ScoredEvent) -> str:
    if event.campaign_id is not None:
        return f"campaign:{event.campaign_id}"
    return ":".join(event.identity)


def _is_taken_back(event: ScoredEvent, returns: Iterable[ScoredEvent]) -> bool:
    return event.kind == EventKind.unsubscribe and any(
        back.occurred_at >= event.occurred_at and back.list_id == event.list_id for back in returns
    )


def _make_entry(group: tuple[str, str], event: ScoredEvent, scale: Scale) -> Entry:
    weight = scale.weight(event.kind)
    return Entry(
        kind=group[0],
        source=group[1],
        occurred_at=event.occurred_at,
        settled_at=event.settled_at,
        weight=weight,
        contribution=scale.decay.contribution(weight, event.occurred_at),
        campaign_id=event.campaign_id,
    )
