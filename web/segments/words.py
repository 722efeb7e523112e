"""Segments in words: fields, operators, faults, and the whole rule as one sentence."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import format_date, format_decimal, ngettext
from flask_babel import gettext as _
from markupsafe import Markup, escape

from campaigns.segments.fields import Field
from campaigns.segments.operands import InvalidRule
from campaigns.segments.rules import ActivityRule, EngagementRule, ListRule, Match, ValueRule
from campaigns.segments.sentence import Phrase, Phrases


def field_label(field: Field) -> str:
    """Return what a field is called in a list of choices."""
    words: dict[str, str] = {
        "email": _("Email address"),
        "given_name": _("Given name"),
        "family_name": _("Family name"),
        "language": _("Language"),
        "time_zone": _("Time zone"),
        "created_at": _("Added on"),
        "list": _("List"),
        "engagement": _("Engagement score"),
        "sent": _("Was sent a campaign"),
        "opened": _("Opened a campaign"),
        "clicked": _("Clicked in a campaign"),
    }
    return field.label if field.attribute_id is not None else words[field.name]


def operator_label(operator: str) -> str:
    """Return what an operator is called beside its field."""
    words: dict[str, str] = {
        "is_member": _("is a member of"),
        "is_not_member": _("is not a member of"),
        "is_pending": _("has yet to confirm"),
        "has_unsubscribed": _("has unsubscribed from"),
        "at_least_once": _("at least once"),
        "never": _("not once"),
        "is": _("is"),
        "is_not": _("is not"),
        "contains": _("contains"),
        "starts_with": _("starts with"),
        "is_any_of": _("is any of"),
        "is_none_of": _("is none of"),
        "is_set": _("is known"),
        "is_not_set": _("is not known"),
        "more_than": _("is more than"),
        "at_least": _("is at least"),
        "less_than": _("is less than"),
        "at_most": _("is at most"),
        "below": _("is below"),
        "between": _("is between"),
        "before": _("is before"),
        "after": _("is after"),
        "on": _("is on"),
        "in_last_days": _("is in the last … days"),
        "more_than_days_ago": _("is more than … days ago"),
        "has_any": _("has any of"),
        "has_all": _("has all of"),
        "has_none": _("has none of"),
    }
    return words[operator]


def fault(error: InvalidRule) -> str:
    """Return what is wrong with a condition and what to do."""
    limit = error.params.get("limit")
    words: dict[str, str] = {
        "field_missing": _("Choose what this condition is about."),
        "operator_missing": _("Choose how to compare."),
        "unknown_field": _("This field does not exist any more. Choose another."),
        "unknown_operator": _("This comparison does not fit the field. Choose another."),
        "value_missing": _("Write a value."),
        "text_needed": _("Write a value."),
        "text_too_long": _("This is longer than %(limit)s characters. Shorten it.", limit=limit),
        "text_unstorable": _("This holds a character that cannot be stored. Type it again."),
        "too_many_values": _("At most %(limit)s values fit in one condition.", limit=limit),
        "number_needed": _("Write a number, such as 12 or 3.5."),
        "range_needed": _("Write two numbers, from and to."),
        "range_backwards": _("The first number is larger than the second. Swap them."),
        "date_needed": _("Write a date, such as 2026-03-31."),
        "days_needed": _("Write a whole number of days, 1 or more."),
        "score_needed": _("Write a whole number from 0 to 100; “is below” begins at 1."),
        "boolean_needed": _("Choose yes or no."),
        "list_needed": _("Choose a list."),
        "campaign_needed": _("Choose a campaign."),
        "list_gone": _("This list does not exist any more. Choose another."),
        "campaign_gone": _("This campaign does not exist any more. Choose another."),
        "empty_group": _("This group holds no condition. Add one, or remove the group."),
        "too_many_rules": _("A segment holds at most %(limit)s conditions.", limit=limit),
        "too_deep": _("Groups are nested more than %(limit)s deep. Flatten them.", limit=limit),
    }
    return words.get(error.reason, str(error))


def sentence(said: Phrases) -> Markup:
    """Return the rules as one sentence; every value is escaped and isolated from the direction of the text."""
    if not said.parts:
        return escape(_("All contacts."))
    return Markup(_("Contacts where %(conditions)s.")) % {"conditions": _joined(said)}  # noqa: S704


def sentence_or_fault(said: Phrases | InvalidRule) -> Markup:
    """Return the sentence, or why the segment cannot be used."""
    if isinstance(said, InvalidRule):
        return escape(_("This segment cannot be used: %(problem)s", problem=fault(said)))
    return sentence(said)


def _joined(said: Phrases) -> Markup:
    word = _("and") if said.match == Match.all else _("or")
    between = Markup(" <strong>{}</strong> ").format(word)
    parts = [_phrase(part) if isinstance(part, Phrase) else _grouped(part) for part in said.parts]
    return between.join(parts)


def _grouped(said: Phrases) -> Markup:
    inner = _joined(said)
    return Markup("({})").format(inner) if len(said.parts) > 1 else inner


def _said(pattern: str, **values: Any) -> Markup:
    """Fill a translated pattern; the pattern is ours, the values are not."""
    return Markup(escape(pattern)) % values  # noqa: S704


def _isolated(text: str) -> Markup:
    return Markup("<bdi>{}</bdi>").format(text)


def _listed(values: Sequence[Any], word: str) -> Markup:
    """Return ``a, b or c``."""
    shown = [_isolated(_shown(value)) for value in values]
    if len(shown) == 1:
        return shown[0]
    first = Markup(", ").join(shown[:-1])
    return Markup("{} {} {}").format(first, word, shown[-1])


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, date):
        return str(format_date(value, "long"))
    if isinstance(value, int | float):
        return str(format_decimal(value))
    return str(value)


def _phrase(phrase: Phrase) -> Markup:
    match phrase.rule:
        case ListRule():
            return _list_phrase(phrase.rule, phrase.about)
        case EngagementRule():
            return _engagement_phrase(phrase.rule)
        case ActivityRule():
            return _activity_phrase(phrase.rule, phrase.about)
        case _:
            return _value_phrase(phrase.rule)


def _list_phrase(rule: ListRule, name: str | None) -> Markup:
    about = _isolated(name) if name else _("a list that is gone")
    pattern = {
        "is_member": _("they are a confirmed member of %(list)s"),
        "is_not_member": _("they are not a confirmed member of %(list)s"),
        "is_pending": _("they have not confirmed %(list)s yet"),
        "has_unsubscribed": _("they unsubscribed from %(list)s"),
    }[rule.operator]
    return _said(pattern, list=about)


def _engagement_phrase(rule: EngagementRule) -> Markup:
    if rule.operator == "between":
        return _said(_("engagement is from %(low)s to %(high)s"), low=rule.low, high=rule.high)
    if rule.high is not None:
        return _said(_("engagement is below %(score)s"), score=rule.high + 1)
    return _said(_("engagement is at least %(score)s"), score=rule.low)


def _activity_phrase(rule: ActivityRule, name: str | None) -> Markup:
    if rule.campaign_id is None:
        about: Any = _("any campaign")
    else:
        about = _isolated(name) if name else _("a campaign that is gone")
    pattern = {
        ("sent", True): _("they were sent %(campaign)s"),
        ("sent", False): _("they were not sent %(campaign)s"),
        ("opened", True): _("they opened %(campaign)s"),
        ("opened", False): _("they did not open %(campaign)s"),
        ("clicked", True): _("they clicked in %(campaign)s"),
        ("clicked", False): _("they did not click in %(campaign)s"),
    }[rule.field.name, rule.happened]
    told = _said(pattern, campaign=about)
    if rule.days is None:
        return told
    window = ngettext("%(told)s in the last day", "%(told)s in the last %(num)s days", rule.days, told="%(told)s")
    return _said(window, told=told)


def _value_phrase(rule: ValueRule) -> Markup:
    field = _isolated(_lowered(rule.field))
    value: Any = rule.value
    if rule.operator in ("in_last_days", "more_than_days_ago"):
        return _days_phrase(rule.operator, field, value)
    if rule.operator == "between":
        low, high = value
        return _said(_("%(field)s is from %(low)s to %(high)s"), field=field, low=_shown(low), high=_shown(high))
    if isinstance(value, tuple):
        word = _("and") if rule.operator == "has_all" else _("or")
        shown = _listed(value, word)
    else:
        shown = _isolated(_shown(value))
    return _said(_value_pattern(rule.operator), field=field, value=shown)


def _value_pattern(operator: str) -> str:
    patterns: dict[str, str] = {
        "is": _("%(field)s is %(value)s"),
        "is_not": _("%(field)s is not %(value)s"),
        "contains": _("%(field)s contains %(value)s"),
        "starts_with": _("%(field)s starts with %(value)s"),
        "is_any_of": _("%(field)s is %(value)s"),
        "is_none_of": _("%(field)s is not %(value)s"),
        "is_set": _("%(field)s is known"),
        "is_not_set": _("%(field)s is not known"),
        "more_than": _("%(field)s is more than %(value)s"),
        "at_least": _("%(field)s is at least %(value)s"),
        "less_than": _("%(field)s is less than %(value)s"),
        "at_most": _("%(field)s is at most %(value)s"),
        "before": _("%(field)s is before %(value)s"),
        "after": _("%(field)s is after %(value)s"),
        "on": _("%(field)s is %(value)s"),
        "has_any": _("%(field)s include %(value)s"),
        "has_all": _("%(field)s include %(value)s"),
        "has_none": _("%(field)s do not include %(value)s"),
    }
    return patterns[operator]


def _days_phrase(operator: str, field: Markup, days: int) -> Markup:
    if operator == "in_last_days":
        pattern = ngettext(
            "%(field)s is in the last day", "%(field)s is in the last %(num)s days", days, field="%(field)s"
        )
    else:
        pattern = ngettext(
            "%(field)s is more than one day ago", "%(field)s is more than %(num)s days ago", days, field="%(field)s"
        )
    return _said(pattern, field=field)


def _lowered(field: Field) -> str:
    """Return a field's name as it stands inside a sentence."""
    words: dict[str, str] = {
        "email": _("email address"),
        "given_name": _("given name"),
        "family_name": _("family name"),
        "language": _("language"),
        "time_zone": _("time zone"),
        "created_at": _("the day they were added"),
    }
    return field.label if field.attribute_id is not None else words[field.name]
