"""What a rule can ask about: fields, the operators each kind knows, and what stands beside an operator."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.contact import Attribute

ATTRIBUTE_PREFIX = "attributes."


class FieldKind(StrEnum):
    """How a field compares."""

    text = "text"
    number = "number"
    date = "date"
    boolean = "boolean"
    tags = "tags"
    email = "email"
    language = "language"
    instant = "instant"
    list = "list"
    engagement = "engagement"
    activity = "activity"


class Operand(StrEnum):
    """What an operator needs beside it."""

    none = "none"
    text = "text"
    texts = "texts"
    number = "number"
    numbers = "numbers"
    date = "date"
    days = "days"
    boolean = "boolean"
    list = "list"
    score = "score"
    scores = "scores"


SET_OR_NOT = {"is_set": Operand.none, "is_not_set": Operand.none}
TEXT_OPERATORS = {
    "is": Operand.text,
    "is_not": Operand.text,
    "contains": Operand.text,
    "starts_with": Operand.text,
    "is_any_of": Operand.texts,
    **SET_OR_NOT,
}
DATE_OPERATORS = {
    "before": Operand.date,
    "after": Operand.date,
    "on": Operand.date,
    "in_last_days": Operand.days,
    "more_than_days_ago": Operand.days,
}
OPERATORS: Mapping[FieldKind, Mapping[str, Operand]] = {
    FieldKind.text: TEXT_OPERATORS,
    FieldKind.email: {
        "is": Operand.text,
        "is_not": Operand.text,
        "contains": Operand.text,
        "starts_with": Operand.text,
        "is_any_of": Operand.texts,
    },
    FieldKind.language: {"is_any_of": Operand.texts, "is_none_of": Operand.texts, **SET_OR_NOT},
    FieldKind.number: {
        "is": Operand.number,
        "is_not": Operand.number,
        "more_than": Operand.number,
        "at_least": Operand.number,
        "less_than": Operand.number,
        "at_most": Operand.number,
        "between": Operand.numbers,
        **SET_OR_NOT,
    },
    FieldKind.date: {**DATE_OPERATORS, **SET_OR_NOT},
    FieldKind.instant: DATE_OPERATORS,
    FieldKind.boolean: {"is": Operand.boolean, **SET_OR_NOT},
    FieldKind.tags: {"has_any": Operand.texts, "has_all": Operand.texts, "has_none": Operand.texts},
    FieldKind.list: {
        "is_member": Operand.list,
        "is_not_member": Operand.list,
        "is_pending": Operand.list,
        "has_unsubscribed": Operand.list,
    },
    FieldKind.engagement: {"at_least": Operand.score, "below": Operand.score, "between": Operand.scores},
    FieldKind.activity: {"at_least_once": Operand.none, "never": Operand.none},
}


@dataclass(frozen=True)
class Field:
    """One thing a rule can ask about; ``name`` as it stands in rules, ``label`` only for attributes."""

    name: str
    kind: FieldKind
    label: str = ""
    attribute_id: int | None = None
    archived: bool = False

    @property
    def operators(self) -> Mapping[str, Operand]:
        return OPERATORS[self.kind]


BUILT_IN = (
    Field("email", FieldKind.email),
    Field("given_name", FieldKind.text),
    Field("family_name", FieldKind.text),
    Field("language", FieldKind.language),
    Field("time_zone", FieldKind.text),
    Field("created_at", FieldKind.instant),
    Field("list", FieldKind.list),
    Field("engagement", FieldKind.engagement),
    Field("sent", FieldKind.activity),
    Field("opened", FieldKind.activity),
    Field("clicked", FieldKind.activity),
)


class AttributeLike(Protocol):
    """Whatever describes a user-defined attribute."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> str: ...


def known_fields(attributes: Iterable[AttributeLike]) -> dict[str, Field]:
    """Return every field by name: the built-in ones, then ``attributes.NAME`` for each attribute."""
    fields = {field.name: field for field in BUILT_IN}
    for attribute in attributes:
        name = ATTRIBUTE_PREFIX + attribute.name
        archived = getattr(attribute, "archived_at", None) is not None
        fields[name] = Field(name, FieldKind(attribute.kind), attribute.label, attribute.id, archived)
    return fields


def load_attributes(session: Session) -> list[Attribute]:
    """Return all attributes, archived ones too, because saved rules may still ask about them."""
    return list(session.scalars(select(Attribute).order_by(Attribute.label, Attribute.id)))
