"""Saved segments: their life, and the campaigns that use them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from campaigns.ids import encode_id
from campaigns.models.campaign import CampaignSegment
from campaigns.segments.operands import InvalidRule
from campaigns.segments.saved import (
    InvalidSegmentName,
    NoSuchSegment,
    archive_segment,
    create_segment,
    duplicate_segment,
    get_segment,
    list_segments,
    list_using_campaigns,
    restore_segment,
    update_segment,
)
from campaigns.segments.sentence import Phrase, Phrases, describe
from tests import builders

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVERYBODY = {"match": "all", "rules": []}
ADAS = {"match": "any", "rules": [{"field": "given_name", "operator": "is", "value": "Ada"}]}


def test_a_segment_is_kept_as_it_was_written(session: Session) -> None:
    made = create_segment(session, name="  Warm \n gardeners ", rules=ADAS, now=NOW)
    assert made.name == "Warm gardeners"
    assert get_segment(session, segment_id=made.id).rules == ADAS


def test_a_change_leaves_what_is_not_given(session: Session) -> None:
    made = create_segment(session, name="Old", rules=ADAS, now=NOW)
    later = NOW + timedelta(hours=1)
    assert update_segment(session, segment_id=made.id, name="New", now=later).rules == ADAS
    changed = update_segment(session, segment_id=made.id, rules=EVERYBODY, now=later)
    assert (changed.name, changed.rules, changed.updated_at) == ("New", EVERYBODY, later)


@pytest.mark.parametrize("name", ["", " \t", "a" * 201])
def test_a_name_that_nobody_could_use_is_refused(session: Session, name: str) -> None:
    with pytest.raises(InvalidSegmentName):
        create_segment(session, name=name, rules=EVERYBODY, now=NOW)


def test_a_list_or_campaign_that_does_not_exist_is_refused_with_its_place(session: Session) -> None:
    known = builders.make_list(session)
    for key, rule in (
        ("value", {"field": "list", "operator": "is_member", "value": encode_id("list", known.id + 1)}),
        ("campaign", {"field": "opened", "operator": "never", "campaign": encode_id("campaign", 77)}),
    ):
        rules = {"match": "all", "rules": [{"match": "any", "rules": [rule]}]}
        with pytest.raises(InvalidRule) as caught:
            create_segment(session, name="Lost", rules=rules, now=NOW)
        assert caught.value.path == f"rules[0].rules[0].{key}"
    rule = {"field": "list", "operator": "is_member", "value": encode_id("list", known.id)}
    create_segment(session, name="Found", rules={"match": "all", "rules": [rule]}, now=NOW)


def test_archived_segments_are_listed_apart_and_come_back(session: Session) -> None:
    kept = create_segment(session, name="Kept", rules=ADAS, now=NOW)
    gone = create_segment(session, name="Gone", rules=ADAS, now=NOW)
    archive_segment(session, segment_id=gone.id, now=NOW)
    assert [each.id for each in list_segments(session)] == [kept.id]
    assert [each.id for each in list_segments(session, archived=True)] == [gone.id]
    assert archive_segment(session, segment_id=gone.id, now=NOW + timedelta(days=1)).archived_at == NOW
    restore_segment(session, segment_id=gone.id)
    assert [each.id for each in list_segments(session)] == [gone.id, kept.id]


def test_the_search_takes_percent_as_a_letter(session: Session) -> None:
    wanted = create_segment(session, name="100% Wool", rules=ADAS, now=NOW)
    create_segment(session, name="100 sheep wool", rules=ADAS, now=NOW)
    assert [each.id for each in list_segments(session, search="0% wOOl")] == [wanted.id]


def test_a_copy_has_the_rules_and_its_own_life(session: Session) -> None:
    made = create_segment(session, name="First", rules=ADAS, now=NOW)
    copy = duplicate_segment(session, segment_id=made.id, name="Second", now=NOW)
    update_segment(session, segment_id=made.id, rules=EVERYBODY, now=NOW)
    assert get_segment(session, segment_id=copy.id).rules == ADAS


@pytest.mark.parametrize("number", [1, 2**40])
def test_an_unknown_number_is_not_found(session: Session, number: int) -> None:
    with pytest.raises(NoSuchSegment):
        get_segment(session, segment_id=number)


def test_the_campaigns_that_use_a_segment_are_known(session: Session) -> None:
    sender, mailing_list = builders.make_sender(session), builders.make_list(session)
    used, other = (create_segment(session, name=name, rules=ADAS, now=NOW) for name in ("Used", "Other"))
    made = [builders.make_campaign(session, mailing_list=mailing_list, sender=sender) for _ in range(3)]
    made[2].archived_at = NOW
    for campaign, excluded in zip(made, (False, True, False), strict=True):
        session.add(CampaignSegment(campaign_id=campaign.id, segment_id=used.id, excluded=excluded))
    session.flush()
    using = list_using_campaigns(session, segment_ids=[used.id, other.id])
    assert [(each.segment_id, each.id, each.excluded) for each in using] == [
        (used.id, made[1].id, True),
        (used.id, made[0].id, False),
    ]


def test_a_sentence_names_lists_and_campaigns_and_says_when_one_is_gone(session: Session) -> None:
    mailing_list = builders.make_list(session, name="Garden letter")
    rules = {
        "match": "any",
        "rules": [
            {"field": "list", "operator": "is_member", "value": encode_id("list", mailing_list.id)},
            {
                "match": "all",
                "rules": [{"field": "opened", "operator": "never", "campaign": encode_id("campaign", 77)}],
            },
        ],
    }
    said = describe(session, rules=rules)
    first, group = said.parts
    assert isinstance(first, Phrase)
    assert (first.code, first.about) == ("list.is_member", "Garden letter")
    assert isinstance(group, Phrases)
    assert isinstance(group.parts[0], Phrase)
    assert (group.parts[0].code, group.parts[0].about) == ("activity.never", None)
