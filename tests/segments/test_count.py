"""Counting and listing who matches."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns.segments.count import CountTookTooLong, count_matching, list_matching, sample, time_limit
from tests.builders import make_contact

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADAS = {"match": "all", "rules": [{"field": "given_name", "operator": "is", "value": "Ada"}]}


def test_the_count_leaves_out_who_does_not_match(session: Session) -> None:
    for name in ("Ada", "Ada", "Grace"):
        make_contact(session, given_name=name)
    assert count_matching(session, rules=ADAS, now=NOW) == 2
    assert count_matching(session, rules={"match": "all", "rules": []}, now=NOW) == 3


def test_the_sample_is_five_of_those_who_match_the_newest_first(session: Session) -> None:
    adas = [make_contact(session, given_name="Ada").id for _ in range(7)]
    make_contact(session, given_name="Grace")
    assert [person.id for person in sample(session, rules=ADAS, now=NOW)] == adas[:1:-1]


def test_pages_of_matching_people_join_without_gap_or_overlap(session: Session) -> None:
    adas = [make_contact(session, given_name=name).id for name in ("Ada", "Grace", "Ada", "Ada", "Ada")]
    first = list_matching(session, rules=ADAS, now=NOW, limit=2)
    rest = list_matching(session, rules=ADAS, now=NOW, before_id=first[-1].id, limit=10)
    assert [person.id for person in [*first, *rest]] == [adas[4], adas[3], adas[2], adas[0]]


def test_a_count_that_takes_too_long_is_given_up_and_the_session_lives_on(session: Session) -> None:
    make_contact(session)
    with pytest.raises(CountTookTooLong), time_limit(session, seconds=0.05):
        session.execute(text("SELECT pg_sleep(5)"))
    assert count_matching(session, rules={"match": "all", "rules": []}, now=NOW) == 1
    assert session.scalars(text("SHOW statement_timeout")).one() == "0"


def test_the_time_limit_ends_with_its_block(session: Session) -> None:
    count_matching(session, rules=ADAS, now=NOW, timeout_seconds=3)
    assert session.scalars(text("SHOW statement_timeout")).one() == "0"
