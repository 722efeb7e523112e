"""Parts made into a program: constants and holes. Running it for a reader costs the holes and one join."""

from collections.abc import Callable
from typing import AnyStr, Generic

from campaigns.errors import TidingsError
from campaigns.rendering.content import direction_of
from campaigns.rendering.encodings import SOFT_BREAK, encode_quoted_printable, quoted_printable_piece
from campaigns.rendering.evaluate import Scope, build_expression, build_value, is_true
from campaigns.rendering.merge_tags import MESSAGE_TOKEN
from campaigns.rendering.parts import Choice, Field, Literal, Loop, Part, Parts, Value

LONGEST_LOOP = 1000
TOKEN_LENGTH = 27
LINE = 76


class TooMuchOutput(TidingsError):
    """A template wrote more than 1 MB for one reader."""

    code = "too_much_output"


class Program(Generic[AnyStr]):
    """Writes parts for one scope. There is always at least one constant, which tells text from bytes."""

    def __init__(self, constants: list[AnyStr], holes: dict[int, Callable[[Scope], AnyStr]]) -> None:
        self._pieces: list[AnyStr] = constants
        self._empty: AnyStr = constants[0][:0]
        by_function: dict[Callable[[Scope], AnyStr], list[int]] = {}
        for position, function in holes.items():
            by_function.setdefault(function, []).append(position)
        self._holes: list[tuple[Callable[[Scope], AnyStr], list[int]]] = list(by_function.items())

    def run(self, scope: Scope) -> list[AnyStr]:
        pieces = self._pieces.copy()
        for function, positions in self._holes:
            piece = function(scope)
            for position in positions:
                pieces[position] = piece
        return pieces

    def write(self, scope: Scope) -> AnyStr:
        return self._empty.join(self.run(scope))


class _Builder(Generic[AnyStr]):
    """Turns parts into a program, encoding literals now and values when they come."""

    empty: AnyStr

    def __init__(self, language: str) -> None:
        self.language = language
        self.right_to_left = direction_of(language) == "rtl"
        self.functions: dict[Value, Callable[[Scope], AnyStr]] = {}
        self.own: dict[Value, Callable[[Scope], str]] = {}  # values that are not an expression's, such as signed pieces

    def build(self, parts: Parts) -> Program[AnyStr]:
        constants: list[AnyStr] = []
        holes: dict[int, Callable[[Scope], AnyStr]] = {}
        for piece in self.pieces(parts):
            if callable(piece):
                holes[len(constants)] = piece
                constants.append(self.empty)
            elif piece and constants and len(constants) - 1 not in holes:
                constants[-1] += piece
            else:
                constants.append(piece)
        return Program(constants or [self.empty], holes)

    def pieces(self, parts: Parts) -> list[AnyStr | Callable[[Scope], AnyStr]]:
        return [self.literal(part.text) if isinstance(part, Literal) else self.hole(part) for part in parts]

    def hole(self, part: Part) -> Callable[[Scope], AnyStr]:
        match part:
            case Value():
                if part not in self.functions:
                    self.functions[part] = self.value(part)
                return self.functions[part]
            case Choice():
                return self.choice(part)
            case Loop():
                return self.loop(part)
        raise TypeError(f"{type(part).__name__} must be replaced before a program is built.")

    def choice(self, part: Choice) -> Callable[[Scope], AnyStr]:
        branches = [
            (build_expression(when, self.language) if when is not None else None, self.build(body))
            for when, body in part.branches
        ]

        def choose(scope: Scope) -> AnyStr:
            for condition, program in branches:
                if condition is None or is_true(condition(scope)):
                    return program.write(scope)
            return self.empty

        return choose

    def loop(self, part: Loop) -> Callable[[Scope], AnyStr]:
        over, body, name = build_expression(part.over, self.language), self.build(part.body), part.variable

        def repeat(scope: Scope) -> AnyStr:
            items = over(scope)
            items = list(items)[:LONGEST_LOOP] if isinstance(items, list | tuple) else []
            outer, written = dict(scope.variables), []
            for index, item in enumerate(items, 1):
                around = {"loop.index": index, "loop.first": index == 1, "loop.last": index == len(items)}
                scope.variables.update({name: item, **around})
                written.append(body.write(scope))
                scope.budget -= len(written[-1]) + 1
                if scope.budget < 0:
                    raise TooMuchOutput("The template writes more than 1 MB for one reader. Shorten its loops.")
            scope.variables = outer
            return self.empty.join(written)

        return repeat

    def literal(self, text: str) -> AnyStr:
        raise NotImplementedError

    def value(self, part: Value) -> Callable[[Scope], AnyStr]:
        raise NotImplementedError


class TextBuilder(_Builder[str]):
    """Builds programs that write text."""

    empty = ""

    def literal(self, text: str) -> str:
        return text

    def value(self, part: Value) -> Callable[[Scope], str]:
        return self.own.get(part) or build_value(part, self.language, self.right_to_left)


class QuotedPrintableBuilder(_Builder[bytes]):
    """Builds programs that write quoted-printable; every piece begins and ends at the start of a line.

    The message token has a fixed length and needs no encoding, so it stands inside its line.
    """

    empty = b""

    def literal(self, text: str) -> bytes:
        return quoted_printable_piece(text)

    def value(self, part: Value) -> Callable[[Scope], bytes]:
        write = self.own.get(part) or build_value(part, self.language, self.right_to_left)
        return lambda scope: quoted_printable_piece(write(scope))

    def pieces(self, parts: Parts) -> list[bytes | Callable[[Scope], bytes]]:
        pieces: list[bytes | Callable[[Scope], bytes]] = []
        column = 0
        for part in parts:
            if isinstance(part, Literal):
                encoded, column = encode_quoted_printable(part.text, column)
                pieces.append(encoded)
                continue
            is_token = isinstance(part, Value) and part.expression == Field(MESSAGE_TOKEN)
            if column and (not is_token or column + TOKEN_LENGTH > LINE - 1):
                pieces.append(SOFT_BREAK)
                column = 0
            pieces.append(write_token if is_token else self.hole(part))
            column += TOKEN_LENGTH if is_token else 0
        if column:
            pieces.append(SOFT_BREAK)
        return pieces


def write_token(scope: Scope) -> bytes:
    return scope.token.encode("ascii")
