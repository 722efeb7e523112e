"""Expressions turned into functions, once; a reader then costs only their calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from campaigns.errors import TidingsError
from campaigns.rendering.content import MailContext, Recipient
from campaigns.rendering.escape import ESCAPES, PLAIN_URL, URL
from campaigns.rendering.format_values import as_date, as_number, write_date, write_money, write_number
from campaigns.rendering.merge_tags import reader_of
from campaigns.rendering.parts import (
    Compare,
    Constant,
    Expression,
    Field,
    Filter,
    Logic,
    Plus,
    Value,
    Variable,
)


class MissingValue(TidingsError):
    """A merge tag without a fallback has no value for this reader; ``field`` names it."""

    code = "missing_value"

    def __init__(self, field: str) -> None:
        super().__init__(f"There is no value for {field}. Give it a fallback: {field} | default(…).", field=field)
        self.field = field


@dataclass(frozen=True)
class Missing:
    """Stands for a value that is not there, until a fallback replaces it."""

    field: str


@dataclass(frozen=True)
class PersonalLinks:
    """The URLs behind ``links.…`` for one message."""

    unsubscribe: str
    preferences: str
    view: str


@dataclass
class Scope:
    """What expressions read. ``missing`` is what to write for a missing value; None raises :class:`MissingValue`.

    ``budget`` bounds the bytes that loops may write.
    """

    recipient: Recipient
    context: MailContext
    links: PersonalLinks
    subject: str = ""
    token: str = ""
    missing: Callable[[str], str] | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    budget: int = 1_000_000
    mail: Mapping[str, str] = field(default_factory=dict)


Evaluate: TypeAlias = Callable[[Scope], Any]


def build_expression(expression: Expression, language: str) -> Evaluate:
    """Return a function from a scope to the expression's value, which may be :class:`Missing`. It never raises."""
    match expression:
        case Constant(value):
            return lambda scope: value
        case Field(name, kind):
            return _read_field(name, kind)
        case Variable(name):
            return lambda scope: scope.variables.get(name, Missing(name))
        case Filter(name, operand, arguments):
            build = [build_expression(argument, language) for argument in arguments]
            return _filter(name, build_expression(operand, language), build, language)
        case Compare(operator, left, right):
            return _compare(operator, build_expression(left, language), build_expression(right, language))
        case Logic(operator, operands):
            return _logic(operator, [build_expression(operand, language) for operand in operands])
        case Plus(left, right):
            return _plus(build_expression(left, language), build_expression(right, language), language)


def build_value(part: Value, language: str, right_to_left: bool) -> Callable[[Scope], str]:
    """Return a function from a scope to the escaped text of a value.

    The function raises :class:`MissingValue` where the value is missing and the scope does not say what to write.
    """
    evaluate, escape = build_expression(part.expression, language), ESCAPES[part.escape]
    is_url = part.escape in (URL, PLAIN_URL)

    def write(scope: Scope) -> str:
        value = evaluate(scope)
        if type(value) is not str:
            if isinstance(value, Missing):
                if scope.missing is None:
                    raise MissingValue(value.field)
                value = scope.missing(value.field)
            else:
                value = as_text(value, language, plain=is_url)
        return escape(value, right_to_left)

    return write


def as_text(value: Any, language: str, *, plain: bool = False) -> str:
    """Return a value as a reader sees it; ``plain`` for URLs: no words, dates as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat() if plain else write_date(value, language)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def is_true(value: Any) -> bool:
    return bool(value) and not isinstance(value, Missing)


def _read_field(name: str, kind: str) -> Evaluate:
    read, missing = reader_of(name), Missing(name)
    if kind == "date":
        return lambda scope: as_date(read(scope)) or missing

    def read_value(scope: Scope) -> Any:
        value = read(scope)
        return missing if value is None or value == "" or value == [] else value

    return read_value


def _filter(name: str, operand: Evaluate, arguments: list[Evaluate], language: str) -> Evaluate:
    def default(scope: Scope) -> Any:
        value = operand(scope)
        return arguments[0](scope) if isinstance(value, Missing) else value

    if name == "default":
        return default

    def write(scope: Scope) -> Any:
        value = operand(scope)
        if isinstance(value, Missing):
            return value
        return _write(name, value, language, arguments[0](scope) if arguments else None)

    return write


def _write(name: str, value: Any, language: str, how: Any) -> str:
    """Apply a writing filter; a value of another kind is written as it is, never an error in front of a reader."""
    if name == "date":
        day = as_date(value)
        return write_date(day, language, how or "long") if day else as_text(value, language)
    number = as_number(value)
    if number is None:
        return as_text(value, language)
    return write_number(number, language, how) if name == "number" else write_money(number, language, how)


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
}


def _compare(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    apply = OPERATORS[operator]

    def compare(scope: Scope) -> bool:
        a, b = _comparable(left(scope), right(scope))
        try:
            return bool(apply(a, b))
        except TypeError:  # 3 < "x": not comparable, so not so
            return operator in ("!=", "not in")

    return compare


def _comparable(a: Any, b: Any) -> tuple[Any, Any]:
    a, b = (None if isinstance(side, Missing) else side for side in (a, b))
    if isinstance(a, date) != isinstance(b, date):
        a, b = (as_date(side) if isinstance(side, str) else side for side in (a, b))
    if isinstance(a, date) and isinstance(b, date) and isinstance(a, datetime) != isinstance(b, datetime):
        a, b = (side.date() if isinstance(side, datetime) else side for side in (a, b))
    return a, b


def _logic(operator: str, operands: list[Evaluate]) -> Evaluate:
    if operator == "not":
        return lambda scope: not is_true(operands[0](scope))
    left, right = operands

    def either(scope: Scope) -> Any:
        value = left(scope)
        return value if is_true(value) == (operator == "or") else right(scope)

    return either


def _plus(left: Evaluate, right: Evaluate, language: str) -> Evaluate:
    def add(scope: Scope) -> Any:
        a, b = left(scope), right(scope)
        for side in (a, b):
            if isinstance(side, Missing):
                return side
        numbers = [as_number(side) if isinstance(side, int | float | Decimal) else None for side in (a, b)]
        if numbers[0] is not None and numbers[1] is not None:
            return a + b if type(a) is type(b) else float(a) + float(b)
        return as_text(a, language) + as_text(b, language)

    return add
