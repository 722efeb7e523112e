"""A template as data: literals, values, choices and loops, and the expressions in them.

Templates are parsed into these nodes once and kept as JSON. There is nothing else in the language, so there is
nothing in it that could call, import or reach an attribute that was not declared.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Constant:
    value: str | int | float | bool | None


@dataclass(frozen=True)
class Field:
    """A declared merge tag such as ``contact.given_name``; ``kind`` says how an attribute's value is kept."""

    name: str
    kind: str = "text"


@dataclass(frozen=True)
class Variable:
    """The variable of a loop, or ``loop.index``, ``loop.first``, ``loop.last``."""

    name: str


@dataclass(frozen=True)
class Filter:
    name: str
    operand: "Expression"
    arguments: tuple["Expression", ...] = ()


@dataclass(frozen=True)
class Compare:
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Logic:
    """``and``, ``or`` of two operands, ``not`` of one."""

    operator: str
    operands: tuple["Expression", ...]


@dataclass(frozen=True)
class Plus:
    left: "Expression"
    right: "Expression"


Expression: TypeAlias = Constant | Field | Variable | Filter | Compare | Logic | Plus


@dataclass(frozen=True)
class Literal:
    text: str


@dataclass(frozen=True)
class Value:
    """An expression and how its value is escaped for where it stands (see ``escape.py``)."""

    expression: Expression
    escape: str


@dataclass(frozen=True)
class LinkUrl:
    """Where the URL of link ``index`` (into ``CompiledContent.links``) stands, inside an attribute."""

    index: int


@dataclass(frozen=True)
class Pixel:
    """Where the tracking pixel goes."""


@dataclass(frozen=True)
class Choice:
    """``if … elif … else``; the condition of ``else`` is None."""

    branches: tuple[tuple[Expression | None, "Parts"], ...]


@dataclass(frozen=True)
class Loop:
    variable: str
    over: Expression
    body: "Parts"


Part: TypeAlias = Literal | Value | LinkUrl | Pixel | Choice | Loop
Parts: TypeAlias = tuple[Part, ...]

NODES: dict[str, Callable[..., Any]] = {
    node.__name__: node
    for node in (
        Constant, Field, Variable, Filter, Compare, Logic, Plus,
        Literal, Value, LinkUrl, Pixel, Choice, Loop,
    )
}  # fmt: skip


def to_plain(value: Any) -> Any:
    """Return nodes and tuples of nodes as JSON values: a node is ``[name, …]``, a tuple ``["", …]``."""
    if isinstance(value, tuple):
        return ["", *map(to_plain, value)]
    if type(value).__name__ in NODES:
        return [type(value).__name__, *(to_plain(getattr(value, field.name)) for field in fields(value))]
    return value


def from_plain(value: Any) -> Any:
    """Return what :func:`to_plain` made into JSON values."""
    if not isinstance(value, list):
        return value
    name, *rest = value
    inner = tuple(map(from_plain, rest))
    return NODES[name](*inner) if name else inner


def fields_of(expression: Expression) -> Iterator[str]:
    """Yield the names of all merge tags in an expression."""
    match expression:
        case Field(name):
            yield name
        case Filter(_, operand, arguments):
            for inner in (operand, *arguments):
                yield from fields_of(inner)
        case Compare(_, left, right) | Plus(left, right):
            yield from fields_of(left)
            yield from fields_of(right)
        case Logic(_, operands):
            for inner in operands:
                yield from fields_of(inner)


def uses_variable(expression: Expression) -> bool:
    """Say whether an expression reads a loop's variable."""
    match expression:
        case Variable():
            return True
        case Filter(_, operand, arguments):
            return any(map(uses_variable, (operand, *arguments)))
        case Compare(_, left, right) | Plus(left, right):
            return uses_variable(left) or uses_variable(right)
        case Logic(_, operands):
            return any(map(uses_variable, operands))
    return False


def expressions_in(parts: Parts) -> Iterator[Expression]:
    """Yield every expression that stands in ``parts``, conditions and loops included."""
    for part in parts:
        match part:
            case Value(expression):
                yield expression
            case Choice(branches):
                for condition, body in branches:
                    if condition is not None:
                        yield condition
                    yield from expressions_in(body)
            case Loop(_, over, body):
                yield over
                yield from expressions_in(body)


def join_literals(parts: list[Part]) -> Parts:
    """Return ``parts`` with neighbouring literals made one and empty ones dropped."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, Literal):
            if not part.text:
                continue
            if joined and isinstance(joined[-1], Literal):
                joined[-1] = Literal(joined[-1].text + part.text)
                continue
        joined.append(part)
    return tuple(joined)
