"""What the builder's page shows: the draft, its choices, its faults, and who matches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup
from sqlalchemy.orm import Session

from campaigns.errors import NotFound
from campaigns.ids import decode_id, encode_id
from campaigns.segments import choices
from campaigns.segments.count import CountTookTooLong, MatchingContact, count_matching, sample
from campaigns.segments.fields import Field, known_fields, load_attributes
from campaigns.segments.operands import InvalidRule
from campaigns.segments.saved import check_rules
from campaigns.segments.sentence import describe
from web.segments import words
from web.segments.draft import ROOT, Checked, DraftGroup, DraftRule, Fault, settle, to_rules

LIVE_SECONDS = 4.0


@dataclass(frozen=True)
class Option:
    """One choice of a select."""

    value: str
    label: str


@dataclass(frozen=True)
class Result:
    """Who matches a draft. ``count`` is None while a condition is unfinished, or where counting took too long."""

    count: int | None
    people: tuple[MatchingContact, ...]
    sentence: Markup | None
    problem: str | None
    too_slow: bool = False


@dataclass(frozen=True)
class Builder:
    """Everything that the builder's templates need."""

    draft: DraftGroup
    fields: Mapping[str, Field]
    attributes: tuple[Field, ...]
    lists: tuple[Option, ...]
    campaigns: tuple[Option, ...]
    suggested: Mapping[str, tuple[str, ...]]
    checked: Checked
    shows_unfinished: bool = False
    extra_value: str = ""

    def field_of(self, rule: DraftRule) -> Field | None:
        return self.fields.get(rule.field)

    def operand_of(self, rule: DraftRule) -> str:
        field = self.fields.get(rule.field)
        return field.operators[rule.operator].value if field and rule.operator in field.operators else "none"

    def operators_of(self, rule: DraftRule) -> list[Option]:
        field = self.fields.get(rule.field)
        return [Option(name, words.operator_label(name)) for name in field.operators] if field else []

    def fault_at(self, path: str) -> str | None:
        """Return what to say beside a condition; unfinished ones are left in peace until somebody saves."""
        fault = self.checked.faults.get(path)
        if fault is None or (fault.unfinished and not self.shows_unfinished):
            return None
        return words.fault(fault.error)


def rules_of(group: DraftGroup) -> Iterator[DraftRule]:
    """Yield every condition of a draft."""
    for node in group.nodes:
        if isinstance(node, DraftGroup):
            yield from rules_of(node)
        else:
            yield node


def build(session: Session, *, draft: DraftGroup, shows_unfinished: bool = False, extra_value: str = "") -> Builder:
    """Return what the builder shows for a draft, which gets tidied on the way."""
    attributes = load_attributes(session)
    fields = known_fields(attributes)
    settle(draft, fields)
    rules = list(rules_of(draft))
    used = {rule.field for rule in rules}
    lists = choices.list_lists(session, keep=_ids("list", [value for rule in rules for value in rule.values]))
    campaigns = choices.list_campaigns(session, keep=_ids("campaign", [rule.campaign for rule in rules]))
    return Builder(
        draft=draft,
        fields=fields,
        attributes=tuple(f for f in fields.values() if f.attribute_id and (not f.archived or f.name in used)),
        lists=tuple(Option(encode_id("list", each.id), each.name) for each in lists),
        campaigns=tuple(Option(encode_id("campaign", each.id), each.name) for each in campaigns),
        suggested=choices.suggest_values(session, fields=[field for field in fields.values() if field.name in used]),
        checked=to_rules(draft, fields=fields, attributes=attributes),
        shows_unfinished=shows_unfinished,
        extra_value=extra_value,
    )


def _ids(kind: str, texts: list[str]) -> list[int]:
    found = []
    for text in texts:
        try:
            found.append(decode_id(kind, text))
        except NotFound:
            continue
    return found


def with_gone(session: Session, builder: Builder) -> Builder:
    """Add the fault of a list or campaign that does not exist, which only saving asks for."""
    if builder.checked.faults:
        return builder
    try:
        check_rules(session, rules=builder.checked.rules)
    except InvalidRule as error:
        path = _draft_path(error.path)
        checked = Checked(builder.checked.rules, {path: Fault(path, error)})
        return Builder(**{**vars(builder), "checked": checked, "shows_unfinished": True})
    return builder


def _draft_path(path: str) -> str:
    """Return the draft's path for a rules path: ``rules[0].rules[1].value`` is ``r.0.1``."""
    numbers = [part[6:-1] for part in path.split(".") if part.startswith("rules[")]
    return ".".join([ROOT, *numbers])


def find_result(session: Session, *, builder: Builder, now: datetime) -> Result:
    """Return count, sentence and five people for a draft, or what is still missing."""
    faults = builder.checked.faults
    if faults:
        first = next(iter(faults.values()))
        return Result(None, (), None, words.fault(first.error))
    return result_of(session, rules=builder.checked.rules, now=now)


def result_of(session: Session, *, rules: dict[str, object], now: datetime) -> Result:
    """Return count, sentence and five people for rules; a count that takes too long is left out."""
    try:
        sentence = words.sentence(describe(session, rules=rules))
    except InvalidRule as error:
        return Result(None, (), None, words.fault(error))
    try:
        count = count_matching(session, rules=rules, now=now, timeout_seconds=LIVE_SECONDS)
        return Result(count, tuple(sample(session, rules=rules, now=now)), sentence, None)
    except CountTookTooLong:
        return Result(None, (), sentence, None, too_slow=True)
