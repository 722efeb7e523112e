"""The SQL of a rule tree finds exactly the people that a plain evaluator finds."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaigns.ids import encode_id
from campaigns.models.engagement import Engagement
from campaigns.models.event import Event
from campaigns.models.installation import Installation
from campaigns.models.message import Message, MessageState
from campaigns.segments.compare import fold_address
from campaigns.segments.compile import compile_group, select_contact_ids
from campaigns.segments.fields import load_attributes
from campaigns.segments.moment import Moment, load_moment
from campaigns.segments.rules import parse_rules
from tests import builders
from tests.segments.evaluate import Person, holds

NOW = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
NAMES = [
    "Ada",
    "ada",
    "İpek",
    "ipek",
    "Ian",
    "Groß",
    "gross",
    "Straße",
    "STRASSE",
    "",
    "100%",
    "a_b",
    "a\\b",
    "李",
    "Ωmega",
]
PARTS = ["a", "A", "i", "İ", "ß", "ss", "%", "_", "\\", "ω", "李", "<script>", "'", '"']
COUNTRIES = ["DE", "de", "AT", "Österreich", "österreich", 'quo"te', "back\\slash"]
TAGS = ["vip", "b2b", "VIP", "a,b"]
EMAILS = ["gross@example.com", "groß@example.com", "Ada@Example.com", "ipek@münchen.example", "i_n@example.org"]
LANGUAGES = ["de", "de-AT", "en", "zh-TW", "zh", "den"]


@dataclass
class Town:
    """A small population, in the database and as plain people by contact id."""

    people: dict[int, Person]
    lists: list[int]
    campaigns: list[int]
    attributes: list[Any]
    moment: Moment


def mass(moment: Moment, score: int) -> float:
    return score * moment.decay.growth(moment.now)


def settle(session: Session, town: Town, luck: random.Random) -> Person:
    """Make one random person and everything they did, noise included."""
    emails = EMAILS[len(town.people) : len(town.people) + 1]
    attributes = {
        town.attributes[0].id: luck.choice([None, *COUNTRIES]),
        town.attributes[1].id: luck.choice([None, 0, 1, 12, 12.5, -3]),
        town.attributes[2].id: luck.choice(
            [None, "2026-11-20", "2026-11-21", "2026-11-13", "1999-12-31", "2030-01-01"]
        ),
        town.attributes[3].id: luck.choice([None, True, False]),
        town.attributes[4].id: luck.choice([None, [], ["vip"], ["vip", "b2b"], ["VIP"], ["a,b", "b2b"]]),
    }
    ago = [timedelta(0), timedelta(hours=1), timedelta(days=3), timedelta(days=7), timedelta(days=40)]
    person = Person(
        email=emails[0] if emails else f"p{len(town.people)}@example.com",
        given_name=luck.choice(NAMES),
        family_name=luck.choice(NAMES),
        language=luck.choice([None, *LANGUAGES]),
        time_zone=luck.choice([None, "Europe/Berlin", "Asia/Taipei"]),
        created_at=NOW - luck.choice(ago),
        attributes={key: value for key, value in attributes.items() if value is not None},
        score=luck.choice([None, 0, 1, 20, 40, 99, 100, 130, -20]),
    )
    person.measured = person.score is None or luck.random() < 0.8
    contact = builders.make_contact(
        session,
        email=person.email,
        address_key=fold_address(person.email),
        given_name=person.given_name,
        family_name=person.family_name,
        language=person.language,
        time_zone=person.time_zone,
        created_at=person.created_at,
        attributes={str(key): value for key, value in person.attributes.items()},
    )
    for list_id in town.lists:
        state = luck.choice([None, "confirmed", "pending", "unsubscribed"])
        if state:
            builders.make_membership(
                session, mailing_list=session.get_one(builders.MailingList, list_id), contact=contact, state=state
            )
            person.lists[list_id] = state
    if person.score is not None:
        points = mass(town.moment, person.score)
        session.add(Engagement(contact_id=contact.id, mass=points, measured=person.measured, updated_at=NOW))
        person.score = max(0, min(100, person.score))
    for campaign_id in town.campaigns:
        if luck.random() < 0.6:
            mail(session, person, contact.id, campaign_id, len(town.people) + 1, NOW - luck.choice(ago), luck)
    town.people[contact.id] = person
    return person


def mail(
    session: Session, person: Person, contact_id: int, campaign_id: int, seq: int, at: datetime, luck: random.Random
) -> None:
    """A message that was sent, failed or left out, opened or clicked by the person, a machine or nobody."""
    state = luck.choice([MessageState.sent, MessageState.sent, MessageState.failed, MessageState.skipped])
    message = Message(campaign_id=campaign_id, seq=seq, contact_id=contact_id, email=person.email, state=state)
    session.add(message)
    if state != MessageState.sent:
        return
    message.sent_at = at
    person.sent[campaign_id] = at
    for name, kind in (("opened", "open"), ("clicked", "click")):
        verdict = luck.choice(["person", "machine", "unsettled", None])
        if verdict is None:
            continue
        real = verdict == "person"
        columns = {"settled_at": None if verdict == "unsettled" else at, "created_at": at}
        session.add(
            Event(
                occurred_at=at,
                source="hit",
                source_id=f"{campaign_id}-{seq}-{kind}",
                kind=kind,
                contact_id=contact_id,
                campaign_id=campaign_id,
                seq=seq,
                verdict="machine" if verdict == "machine" else "person",
                **columns,
            )
        )
        if real:
            setattr(message, f"{name}_at", at)
            person.marks[name, campaign_id] = at
            person.events.append((kind, campaign_id, at))
        elif verdict == "machine":
            setattr(message, f"machine_{name}_at", at)


@pytest.fixture
def town(session: Session) -> Town:
    session.execute(update(Installation).values(time_zone="Europe/Berlin", landmark=datetime(2026, 1, 1, tzinfo=UTC)))
    kinds = {"country": "text", "orders": "number", "last_order": "date", "adult": "boolean", "tags": "tags"}
    attributes = [builders.make_attribute(session, name=name, kind=kind) for name, kind in kinds.items()]
    sender = builders.make_sender(session)
    lists = [builders.make_list(session) for _ in range(2)]
    mailings = [builders.make_campaign(session, mailing_list=lists[0], sender=sender) for _ in range(2)]
    made = Town(
        {}, [each.id for each in lists], [each.id for each in mailings], attributes, load_moment(session, now=NOW)
    )
    luck = random.Random(20261120)
    for _ in range(60):
        settle(session, made, luck)
    session.flush()
    return made


def text_values() -> st.SearchStrategy[str]:
    return st.sampled_from([*PARTS, *[name for name in NAMES if name], *COUNTRIES])


def rules(field: str, operators: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"field": st.just(field), "operator": st.sampled_from(operators), "value": values})


def bare(field: str, operators: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"field": st.just(field), "operator": st.sampled_from(operators)})


def text_rules(field: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        rules(field, ["is", "is_not", "contains", "starts_with"], values),
        rules(field, ["is_any_of"], st.lists(values, min_size=1, max_size=3)),
    )


SET = ["is_set", "is_not_set"]
DATES = st.sampled_from(["2026-11-20", "2026-11-21", "2026-11-13", "1999-12-31", "9999-12-31"])
DAYS = st.sampled_from([1, 3, 7, 8, 40, 36500])
NUMBERS = st.sampled_from([0, 1, 12, 12.5, -3, 1e9])
TAG_LISTS = st.lists(st.sampled_from(TAGS), min_size=1, max_size=3)


def leaves(town: Town) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.sampled_from([encode_id("list", number) for number in [*town.lists, 999_999]])
    mailings = st.sampled_from([None, *(encode_id("campaign", number) for number in town.campaigns)])
    activities = st.fixed_dictionaries(
        {
            "field": st.sampled_from(["sent", "opened", "clicked"]),
            "operator": st.sampled_from(["at_least_once", "never"]),
            "campaign": mailings,
            "days": st.sampled_from([None, 1, 3, 7, 40]),
        }
    )
    pairs = st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted)
    dated = [
        rules(field, operators, values)
        for field in ("attributes.last_order", "created_at")
        for operators, values in ((["before", "after", "on"], DATES), (["in_last_days", "more_than_days_ago"], DAYS))
    ]
    return st.one_of(
        text_rules("given_name", text_values()),
        text_rules("family_name", text_values()),
        text_rules("attributes.country", text_values()),
        text_rules("email", st.sampled_from([*EMAILS, "@münchen.example", "MÜNCHEN", "p1", "_", "example.com", "İ"])),
        text_rules("time_zone", st.sampled_from(["Europe/Berlin", "asia", "Asia/Taipei"])),
        bare("given_name", SET),
        bare("time_zone", SET),
        bare("language", SET),
        rules("language", ["is_any_of", "is_none_of"], st.lists(st.sampled_from([*LANGUAGES, "DE"]), min_size=1)),
        rules("attributes.orders", ["is", "is_not", "more_than", "at_least", "less_than", "at_most"], NUMBERS),
        rules("attributes.orders", ["between"], st.tuples(NUMBERS, NUMBERS).map(sorted)),
        *(bare(f"attributes.{name}", SET) for name in ("country", "orders", "last_order", "adult")),
        *dated,
        rules("attributes.adult", ["is"], st.booleans()),
        rules("attributes.tags", ["has_any", "has_all", "has_none"], TAG_LISTS),
        rules("list", ["is_member", "is_not_member", "is_pending", "has_unsubscribed"], lists),
        rules("engagement", ["at_least"], st.integers(0, 100)),
        rules("engagement", ["below"], st.integers(1, 100)),
        rules("engagement", ["between"], pairs),
        activities,
    )


def groups(children: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"match": st.sampled_from(["all", "any"]), "rules": st.lists(children, min_size=1, max_size=4)}
    )


def assert_agrees(session: Session, town: Town, tree: dict[str, Any]) -> set[int]:
    group = parse_rules(tree, attributes=load_attributes(session))
    found = list(session.scalars(compile_group(group, moment=town.moment)))
    wanted = {number for number, person in town.people.items() if holds(group, person, town.moment)}
    assert len(found) == len(set(found))
    assert set(found) == wanted
    return wanted


def test_every_kind_of_rule_alone_agrees_with_the_plain_evaluator(session: Session, town: Town) -> None:
    @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
    @given(leaf=leaves(town))
    def agrees(leaf: dict[str, Any]) -> None:
        assert_agrees(session, town, {"match": "all", "rules": [leaf]})

    agrees()


def test_random_trees_agree_with_the_plain_evaluator(session: Session, town: Town) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(tree=groups(st.recursive(leaves(town), groups, max_leaves=10)))
    def agrees(tree: dict[str, Any]) -> None:
        assert_agrees(session, town, tree)

    agrees()


def names_found(session: Session, town: Town, field: str, operator: str, value: Any) -> set[str]:
    tree = {"match": "all", "rules": [{"field": field, "operator": operator, "value": value}]}
    return {getattr(town.people[number], field) for number in assert_agrees(session, town, tree)}


def test_turkish_and_german_letters_fold_one_for_one(session: Session, town: Town) -> None:
    assert names_found(session, town, "given_name", "starts_with", "İP") == {"İpek", "ipek"}
    assert names_found(session, town, "given_name", "contains", "ß") == {"Groß", "Straße"}
    assert names_found(session, town, "given_name", "contains", "SS") == {"gross", "STRASSE"}
    assert names_found(session, town, "given_name", "is", "Ada") == {"Ada"}


def test_one_address_never_matches_its_look_alike(session: Session, town: Town) -> None:
    assert names_found(session, town, "email", "is", "GROSS@example.com") == {"gross@example.com"}
    assert names_found(session, town, "email", "is", "groß@example.com") == {"groß@example.com"}
    assert names_found(session, town, "email", "is", "ipek@MÜNCHEN.example") == {"ipek@münchen.example"}


def test_percent_and_underscore_are_letters(session: Session, town: Town) -> None:
    assert names_found(session, town, "given_name", "contains", "%") == {"100%"}
    assert names_found(session, town, "given_name", "contains", "_") == {"a_b"}


def test_no_rules_are_everybody(session: Session, town: Town) -> None:
    for match in ("all", "any"):
        assert assert_agrees(session, town, {"match": match, "rules": []}) == set(town.people)


def test_a_stored_value_of_another_kind_breaks_no_comparison(session: Session, town: Town) -> None:
    attribute = town.attributes[1].id
    for stray in ("twelve", [12], {"a": 1}, True, None):
        builders.make_contact(session, attributes={str(attribute): stray})
    for operator in ("at_least", "less_than", "is_not"):
        rule = {"field": "attributes.orders", "operator": operator, "value": 1}
        found = session.scalars(select_contact_ids(session, rules={"match": "all", "rules": [rule]}, now=NOW)).all()
        assert (set(found) <= set(town.people)) == (operator != "is_not")


def test_days_begin_at_the_installations_midnight(session: Session, town: Town) -> None:
    assert town.moment.today == date(2026, 11, 20)
    late = load_moment(session, now=NOW + timedelta(minutes=45))
    assert late.today == date(2026, 11, 21)
    contact = builders.make_contact(session, created_at=NOW + timedelta(minutes=45))
    rule = {"field": "created_at", "operator": "on", "value": "2026-11-21"}
    query = select_contact_ids(session, rules={"match": "all", "rules": [rule]}, now=NOW)
    assert contact.id in session.scalars(query).all()
