"""Read what stands beside an operator: JSON in, a typed value or a clear complaint out."""

import math
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from campaigns.errors import InvalidInput, NotFound
from campaigns.ids import decode_id
from campaigns.segments.fields import Operand

MAX_TEXT = 1000
MAX_TEXTS = 200
MAX_DAYS = 36_500
MAX_SCORE = 100
MAX_NUMBER = 1e15

Number = int | float
Value = None | str | Number | bool | date | tuple[str, ...] | tuple[Number, Number]


class InvalidRule(InvalidInput):
    """A segment's rules cannot be used. ``field`` is the path to the fault, such as ``rules[0].value``;
    ``reason`` is a stable code for the wording, filled by ``params``."""

    code = "invalid_rule"

    def __init__(self, message: str, *, path: str, reason: str, **params: Any) -> None:
        super().__init__(message, field=path, reason=reason, **params)
        self.path = path
        self.reason = reason


def read_operand(data: Any, *, operand: Operand, path: str) -> Value:
    """Return the typed value of ``operand``; raises :class:`InvalidRule` naming ``path``."""
    return READERS[operand](data, path)


def _nothing(data: Any, path: str) -> None:
    if data is not None:
        raise InvalidRule(f"{path}: this operator takes no value; leave it out.", path=path, reason="no_value_expected")


def _text(data: Any, path: str) -> str:
    if not isinstance(data, str):
        raise InvalidRule(f"{path}: a text is needed here.", path=path, reason="text_needed")
    text = unicodedata.normalize("NFC", data.strip())
    if not text:
        raise InvalidRule(f"{path}: the value is missing; write one.", path=path, reason="value_missing")
    if len(text) > MAX_TEXT:
        raise InvalidRule(
            f"{path}: the text is longer than {MAX_TEXT} characters; shorten it.",
            path=path,
            reason="text_too_long",
            limit=MAX_TEXT,
        )
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRule(
            f"{path}: the text holds a character that cannot be stored.", path=path, reason="text_unstorable"
        )
    return text


def _texts(data: Any, path: str) -> tuple[str, ...]:
    if not isinstance(data, list) or not data:
        raise InvalidRule(f"{path}: a list of at least one text is needed here.", path=path, reason="value_missing")
    if len(data) > MAX_TEXTS:
        raise InvalidRule(
            f"{path}: at most {MAX_TEXTS} values fit in one condition.",
            path=path,
            reason="too_many_values",
            limit=MAX_TEXTS,
        )
    texts = [_text(item, f"{path}[{number}]") for number, item in enumerate(data)]
    return tuple(dict.fromkeys(texts))


def _number(data: Any, path: str) -> Number:
    usable = isinstance(data, int | float) and not isinstance(data, bool)
    if not usable or not math.isfinite(data) or abs(data) > MAX_NUMBER:
        raise InvalidRule(f"{path}: a number is needed here, such as 12 or 3.5.", path=path, reason="number_needed")
    number: Number = data
    return number


def _pair(data: Any, path: str) -> tuple[Any, Any]:
    if not isinstance(data, list) or len(data) != 2:
        raise InvalidRule(f"{path}: two numbers are needed here, [from, to].", path=path, reason="range_needed")
    return data[0], data[1]


def _numbers(data: Any, path: str) -> tuple[Number, Number]:
    low, high = _pair(data, path)
    bounds = _number(low, f"{path}[0]"), _number(high, f"{path}[1]")
    return _in_order(bounds, path)


def _in_order(bounds: tuple[Number, Number], path: str) -> tuple[Number, Number]:
    if bounds[0] > bounds[1]:
        raise InvalidRule(
            f"{path}: the first number is larger than the second; swap them.", path=path, reason="range_backwards"
        )
    return bounds


def _date(data: Any, path: str) -> date:
    try:
        day = date.fromisoformat(data) if isinstance(data, str) else None
    except ValueError:
        day = None
    if day is None or day.isoformat() != data:
        raise InvalidRule(f"{path}: a date is needed here, written like 2026-03-31.", path=path, reason="date_needed")
    return day


def _whole(data: Any, path: str, low: int, high: int, reason: str) -> int:
    if isinstance(data, bool) or not isinstance(data, int) or not low <= data <= high:
        raise InvalidRule(
            f"{path}: a whole number from {low} to {high} is needed here.",
            path=path,
            reason=reason,
            low=low,
            high=high,
        )
    return data


def read_days(data: Any, path: str) -> int:
    """Return a number of days from 1 to 36,500."""
    return _whole(data, path, 1, MAX_DAYS, "days_needed")


def _score(data: Any, path: str) -> int:
    return _whole(data, path, 0, MAX_SCORE, "score_needed")


def _scores(data: Any, path: str) -> tuple[Number, Number]:
    low, high = _pair(data, path)
    return _in_order((_score(low, f"{path}[0]"), _score(high, f"{path}[1]")), path)


def _boolean(data: Any, path: str) -> bool:
    if not isinstance(data, bool):
        raise InvalidRule(f"{path}: true or false is needed here.", path=path, reason="boolean_needed")
    return data


def read_id(data: Any, *, kind: str, path: str) -> int:
    """Return the row number behind a public id; whether the row exists is asked when a segment is saved."""
    try:
        return decode_id(kind, data if isinstance(data, str) else "")
    except NotFound as error:
        raise InvalidRule(f"{path}: the id of a {kind} is needed here.", path=path, reason=f"{kind}_needed") from error


READERS: Mapping[Operand, Callable[[Any, str], Value]] = {
    Operand.none: _nothing,
    Operand.text: _text,
    Operand.texts: _texts,
    Operand.number: _number,
    Operand.numbers: _numbers,
    Operand.date: _date,
    Operand.days: read_days,
    Operand.boolean: _boolean,
    Operand.list: lambda data, path: read_id(data, kind="list", path=path),
    Operand.score: _score,
    Operand.scores: _scores,
}
