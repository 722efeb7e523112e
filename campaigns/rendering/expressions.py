"""Expressions: a whitelist over declared fields.

Jinja's parser reads one expression; what it finds is walked and rewritten into the nodes of ``parts.py``. A node
that is not listed here is an error, so calls, attribute tricks, subscripts and arithmetic do not exist.
"""

import html
import re
from collections.abc import Mapping
from functools import cache
from typing import NoReturn

from jinja2 import Environment, TemplateSyntaxError, nodes

from campaigns.rendering.merge_tags import ATTRIBUTE_PREFIX, FILTERS
from campaigns.rendering.parts import (
    Compare,
    Constant,
    Expression,
    Field,
    Filter,
    Logic,
    Plus,
    Variable,
)
from campaigns.rendering.problems import suggest

COMPARISONS = {"eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in"}
LOOP_FIELDS = ("loop.index", "loop.first", "loop.last")
KEYWORDS = {"default": "default_value", "date": "format", "number": "decimals", "money": "currency"}
MAX_LENGTH = 2000
MAX_DEPTH = 50


class BadExpression(ValueError):
    """An expression says something that is not allowed. ``near`` is the word to point at."""

    def __init__(self, message: str, near: str = "") -> None:
        super().__init__(message)
        self.near = near


@cache
def _environment() -> Environment:
    return Environment(autoescape=True)


def parse_expression(text: str, *, declared: Mapping[str, str], variables: frozenset[str] = frozenset()) -> Expression:
    """Return the expression written in ``text``.

    ``declared`` maps merge tags to kinds, ``variables`` are the names of the loops around. Raises
    :class:`BadExpression` for anything that is not on the list.
    """
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"An expression may have {MAX_LENGTH} characters at most.")
    if not text.strip():
        raise BadExpression("There is nothing between the braces.")
    try:
        # Editors write &quot; inside attributes; what is meant is the character.
        template = _environment().parse("{{ " + html.unescape(text) + "\n}}")
    except TemplateSyntaxError as error:
        raise BadExpression(f"This cannot be read: {error.message}.") from error
    except RecursionError as error:
        raise BadExpression("This expression is nested too deeply.") from error
    output = template.body[0] if len(template.body) == 1 else None
    if not isinstance(output, nodes.Output) or len(output.nodes) != 1:
        raise BadExpression("Write one expression between the braces.")
    return _Reader(declared, variables).read(output.nodes[0], 0)


class _Reader:
    def __init__(self, declared: Mapping[str, str], variables: frozenset[str]) -> None:
        self.declared = declared
        self.variables = variables

    def read(self, node: nodes.Node, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise BadExpression("This expression is nested too deeply.")
        match node:
            case nodes.Const(value=value) if value is None or isinstance(value, str | int | float | bool):
                return Constant(value)
            case nodes.Name() | nodes.Getattr():
                return self._field(node)
            case nodes.Filter():
                return self._filter(node, depth)
            case nodes.Compare(expr=left, ops=[nodes.Operand(op=op, expr=right)]):
                return Compare(COMPARISONS[op], self.read(left, depth + 1), self.read(right, depth + 1))
            case nodes.And(left=left, right=right):
                return Logic("and", (self.read(left, depth + 1), self.read(right, depth + 1)))
            case nodes.Or(left=left, right=right):
                return Logic("or", (self.read(left, depth + 1), self.read(right, depth + 1)))
            case nodes.Not(node=inner):
                return Logic("not", (self.read(inner, depth + 1),))
            case nodes.Add(left=left, right=right):
                return Plus(self.read(left, depth + 1), self.read(right, depth + 1))
            case nodes.Neg(node=nodes.Const(value=int() | float() as value)):
                return Constant(-value)
        _refuse(node)

    def _field(self, node: nodes.Node) -> Expression:
        name = _dotted(node)
        if name in self.declared:
            return Field(name, self.declared[name])
        if name in self.variables or (self.variables and name in LOOP_FIELDS):
            return Variable(name)
        known = [*self.declared, *self.variables]
        if name.startswith(ATTRIBUTE_PREFIX):
            what = f"There is no attribute called {name.removeprefix(ATTRIBUTE_PREFIX)}."
        else:
            what = f"There is no merge tag {name}."
        raise BadExpression(what + suggest(name, known), name)

    def _filter(self, node: nodes.Filter, depth: int) -> Expression:
        if node.name not in FILTERS:
            hint = suggest(node.name, FILTERS) or f" There are {', '.join(FILTERS)}."
            raise BadExpression(f"There is no filter {node.name}.{hint}", node.name)
        arguments = [self.read(argument, depth + 1) for argument in node.args]
        for keyword in node.kwargs:
            if keyword.key != KEYWORDS[node.name] or arguments:
                raise BadExpression(f"The filter {node.name} takes no {keyword.key}.", str(keyword.key))
            arguments.append(self.read(keyword.value, depth + 1))
        least, most = FILTERS[node.name]
        if node.dyn_args or node.dyn_kwargs or not least <= len(arguments) <= most or node.node is None:
            wanted = "one value" if least else "at most one value"
            raise BadExpression(f"The filter {node.name} takes {wanted} in its brackets.", node.name)
        self._check_arguments(node.name, arguments)
        return Filter(node.name, self.read(node.node, depth + 1), tuple(arguments))

    def _check_arguments(self, name: str, arguments: list[Expression]) -> None:
        if name == "default":
            return
        value = arguments[0].value if arguments and isinstance(arguments[0], Constant) else None
        if not arguments:
            return
        if name == "number" and not (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10):
            raise BadExpression("number takes how many decimals, 0 to 10: number(2).", name)
        if name == "date" and not (isinstance(value, str) and 0 < len(value) <= 60):
            raise BadExpression('date takes short, medium, long, full or a pattern: date("long").', name)
        if name == "money" and not (isinstance(value, str) and re.fullmatch(r"[A-Z]{3}", value)):
            raise BadExpression('money takes a currency of three letters: money("EUR").', name)


def _dotted(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return str(node.name)
    if isinstance(node, nodes.Getattr):
        return f"{_dotted(node.node)}.{node.attr}"
    _refuse(node)


def _refuse(node: nodes.Node) -> NoReturn:
    names: dict[type[nodes.Node], str] = {
        nodes.Call: "Nothing can be called here; use a filter.",
        nodes.Getitem: "Square brackets are not allowed; write contact.attributes.NAME.",
        nodes.Concat: "Use + to put texts together.",
        nodes.CondExpr: "Write {% if … %} … {% else %} … {% endif %}.",
        nodes.Test: 'Tests with "is" are not allowed; write {% if field %}.',
        nodes.Compare: "Compare two values at a time; join comparisons with and.",
    }
    what = names.get(type(node), f"{type(node).__name__} is not allowed; only +, comparisons, and, or, not.")
    raise BadExpression(what)
