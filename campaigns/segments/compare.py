"""Conditions on what a contact is: address, names, language, dates and attributes.

Case: ``is`` and ``is any of`` compare letter by letter, so that an index answers them; ``contains`` and
``starts with`` do not look at case (one letter for one letter: ß is not ss, and İ is i). Addresses are compared in
the form Python folded them to, byte by byte. Negations are true for contacts without a value.
"""

import json
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta
from typing import Any, cast

import idna
from sqlalchemy import ColumnElement, SQLColumnExpression, Text, and_, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import cast as sql_cast

from campaigns.models.contact import Contact
from campaigns.segments.fields import FieldKind
from campaigns.segments.moment import Moment
from campaigns.segments.operands import Number, Value
from campaigns.segments.rules import ValueRule

Condition = ColumnElement[bool]

COLUMNS: dict[str, InstrumentedAttribute[Any]] = {
    "given_name": Contact.given_name,
    "family_name": Contact.family_name,
    "language": Contact.language,
    "time_zone": Contact.time_zone,
    "created_at": Contact.created_at,
}


def value_condition(rule: ValueRule, *, moment: Moment) -> Condition:
    """Return the SQL condition of a rule about a field or attribute of the contact; never NULL when negated."""
    match rule.field.kind:
        case FieldKind.email:
            return _email(rule.operator, rule.value)
        case FieldKind.language:
            return _language(rule.operator, rule.value)
        case FieldKind.instant:
            return _instant(COLUMNS[rule.field.name], rule.operator, rule.value, moment)
        case FieldKind.text if rule.field.attribute_id is None:
            return _text(COLUMNS[rule.field.name], rule.operator, rule.value)
        case _:
            return _attribute(rule, moment)


def _loosely(text: SQLColumnExpression[Any], operator: str, value: str) -> Condition:
    """``contains`` and ``starts with``, both sides lowered by the database so that they agree."""
    lowered, wanted = func.lower(text), func.lower(literal(value))
    if operator == "contains":
        return func.strpos(lowered, wanted) > 0
    return cast(Condition, func.starts_with(lowered, wanted))


def _text(column: InstrumentedAttribute[Any], operator: str, value: Value) -> Condition:
    filled = func.coalesce(column, "") != ""
    match operator:
        case "is":
            return column == value
        case "is_not":
            return column.is_distinct_from(value)
        case "is_any_of":
            return column.in_(cast(tuple[str, ...], value))
        case "is_set":
            return filled
        case "is_not_set":
            return ~filled
        case _:
            return _loosely(column, operator, cast(str, value))


def fold_address(text: str) -> str:
    """Return a whole address, or a part of one, in the form ``address_key`` is kept in.

    A rule may hold any part of an address, so nothing is refused here: what is no address matches nobody.
    """
    local, at, domain = unicodedata.normalize("NFC", text).lower().rpartition("@")
    if at and not domain.isascii():
        with suppress(idna.IDNAError):
            domain = idna.encode(domain, uts46=True).decode("ascii")
    return unicodedata.normalize("NFC", local + at + domain)


def _email(operator: str, value: Value) -> Condition:
    key = Contact.address_key
    if isinstance(value, tuple):
        return key.in_([fold_address(str(text)) for text in value])
    folded = fold_address(str(value))
    match operator:
        case "is":
            return key == folded
        case "is_not":
            return key != folded
        case "contains":
            return func.strpos(key, folded) > 0
        case _:
            return cast(Condition, func.starts_with(key, folded))


def _language(operator: str, value: Value) -> Condition:
    if operator in ("is_set", "is_not_set"):
        return _text(Contact.language, operator, value)
    tags = [str(tag).lower() for tag in cast(tuple[str, ...], value)]
    spoken = func.lower(func.coalesce(Contact.language, ""))
    regional = [func.starts_with(spoken, f"{tag}-") for tag in tags]
    chosen = or_(spoken.in_(tags), *regional)
    return chosen if operator == "is_any_of" else ~chosen


def _instant(column: InstrumentedAttribute[Any], operator: str, value: Value, moment: Moment) -> Condition:
    match operator:
        case "before":
            return column < moment.day_start(cast(date, value))
        case "after":
            return column >= moment.day_end(cast(date, value))
        case "on":
            day = cast(date, value)
            return and_(column >= moment.day_start(day), column < moment.day_end(day))
        case "in_last_days":
            return and_(column >= moment.ago(cast(int, value)), column <= moment.now)
        case _:
            return column < moment.ago(cast(int, value))


# -- attributes: JSONB under the attribute's id; containment is what the GIN index answers ------------------


def _json(value: Any) -> ColumnElement[Any]:
    return sql_cast(literal(json.dumps(value, ensure_ascii=False)), JSONB)


def _holds(key: str, value: Any) -> Condition:
    return Contact.attributes.op("@>", is_comparison=True)(
        sql_cast(literal(json.dumps({key: value}, ensure_ascii=False)), JSONB)
    )


def _holds_any(key: str, values: Iterable[Any]) -> Condition:
    return or_(*(_holds(key, value) for value in values))


def _attribute(rule: ValueRule, moment: Moment) -> Condition:
    key, operator, value = str(rule.field.attribute_id), rule.operator, rule.value
    text = Contact.attributes.op("->>", return_type=Text())(key)
    filled = func.coalesce(text, "") != ""
    if operator == "is_set":
        return filled
    if operator == "is_not_set":
        return ~filled
    match rule.field.kind:
        case FieldKind.tags:
            return _tags(key, operator, cast(tuple[str, ...], value))
        case FieldKind.number:
            return _number(key, operator, value)
        case FieldKind.date:
            return _date(text, operator, value, moment)
        case FieldKind.boolean:
            return _holds(key, value)
        case _:
            return _attribute_text(key, operator, value, text)


def _attribute_text(key: str, operator: str, value: Value, text: ColumnElement[Any]) -> Condition:
    match operator:
        case "is":
            return _holds(key, value)
        case "is_not":
            return ~_holds(key, value)
        case "is_any_of":
            return _holds_any(key, cast(tuple[str, ...], value))
        case _:
            return _loosely(text, operator, cast(str, value))


def _tags(key: str, operator: str, tags: tuple[str, ...]) -> Condition:
    if operator == "has_all":
        return _holds(key, list(tags))
    any_of_them = _holds_any(key, [[tag] for tag in tags])
    return any_of_them if operator == "has_any" else ~any_of_them


def _number(key: str, operator: str, value: Value) -> Condition:
    """Numbers compare as JSON numbers: no cast of a stored value can fail, whatever was imported."""
    stored = Contact.attributes.op("->")(key)
    if operator == "is":
        return _holds(key, value)
    if operator == "is_not":
        return ~_holds(key, value)
    is_number = func.jsonb_typeof(stored) == "number"
    if isinstance(value, tuple):
        low, high = value
        return and_(is_number, stored >= _json(low), stored <= _json(high))
    wanted = _json(cast(Number, value))
    compared: dict[str, Condition] = {
        "more_than": stored > wanted,
        "at_least": stored >= wanted,
        "less_than": stored < wanted,
        "at_most": stored <= wanted,
    }
    return and_(is_number, compared[operator])


def _date(text: ColumnElement[Any], operator: str, value: Value, moment: Moment) -> Condition:
    """Dates are kept as ``YYYY-MM-DD``, whose order byte by byte is the calendar's."""
    stored = func.coalesce(text, "").collate("C")
    if isinstance(value, date):
        day = value.isoformat()
        compared = {"before": stored < day, "after": stored > day, "on": stored == day}
        return and_(stored != "", compared[operator])
    first = moment.today - timedelta(days=min(cast(int, value), moment.today.toordinal() - 1))
    if operator == "in_last_days":
        return and_(stored >= first.isoformat(), stored <= moment.today.isoformat())
    return and_(stored != "", stored < first.isoformat())
