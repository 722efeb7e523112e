"""Rules as the parts of a sentence: what the words are about, ready for whoever speaks the language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.mailing_list import MailingList
from campaigns.segments.fields import load_attributes
from campaigns.segments.operands import InvalidRule
from campaigns.segments.rules import ActivityRule, Group, ListRule, Match, Rule, all_rules, parse_rules


@dataclass(frozen=True)
class Phrase:
    """One rule to word. ``about`` is the name of its list or campaign: None where it has none or it is gone."""

    rule: Rule
    about: str | None

    @property
    def code(self) -> str:
        """Which wording it needs, such as ``number.at_least``."""
        return f"{self.rule.field.kind}.{self.rule.operator}"


@dataclass(frozen=True)
class Phrases:
    """Phrases joined by *and* (all) or *or* (any). No parts: everybody."""

    match: Match
    parts: tuple["Phrase | Phrases", ...]


@dataclass(frozen=True)
class Names:
    """What lists and campaigns are called, by row number."""

    lists: dict[int, str]
    campaigns: dict[int, str]


def describe(session: Session, *, rules: dict[str, Any]) -> Phrases:
    """Return the parts of the sentence that says who matches ``rules``; raises :class:`InvalidRule`."""
    group = parse_rules(rules, attributes=load_attributes(session))
    return describe_group(group, names=load_names(session, groups=[group]))


def describe_many(session: Session, *, many: Mapping[int, dict[str, Any]]) -> dict[int, Phrases | InvalidRule]:
    """Return the parts of many sentences by the caller's keys, in three queries; or why one cannot be said."""
    attributes = load_attributes(session)
    groups: dict[int, Group] = {}
    refused: dict[int, InvalidRule] = {}
    for key, rules in many.items():
        try:
            groups[key] = parse_rules(rules, attributes=attributes)
        except InvalidRule as error:
            refused[key] = error
    names = load_names(session, groups=groups.values())
    return {**{key: describe_group(group, names=names) for key, group in groups.items()}, **refused}


def describe_group(group: Group, *, names: Names) -> Phrases:
    """Return the parts of the sentence for a parsed tree."""
    return Phrases(
        group.match,
        tuple(
            describe_group(node, names=names) if isinstance(node, Group) else Phrase(node, _about(node, names))
            for node in group.rules
        ),
    )


def load_names(session: Session, *, groups: Iterable[Group]) -> Names:
    """Return the names of all lists and campaigns that the trees speak of, in two queries at most."""
    rules = [rule for group in groups for rule in all_rules(group)]
    list_ids = {rule.list_id for rule in rules if isinstance(rule, ListRule)}
    campaign_ids = {rule.campaign_id for rule in rules if isinstance(rule, ActivityRule) and rule.campaign_id}
    lists = select(MailingList.id, MailingList.name).where(MailingList.id.in_(list_ids))
    campaigns = select(Campaign.id, Campaign.name).where(Campaign.id.in_(campaign_ids))
    return Names(
        lists={row.id: row.name for row in session.execute(lists)} if list_ids else {},
        campaigns={row.id: row.name for row in session.execute(campaigns)} if campaign_ids else {},
    )


def _about(rule: Rule, names: Names) -> str | None:
    if isinstance(rule, ListRule):
        return names.lists.get(rule.list_id)
    if isinstance(rule, ActivityRule) and rule.campaign_id:
        return names.campaigns.get(rule.campaign_id)
    return None
