"""Values as people type them, in the one form that rules and merge tags read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.contacts.values import (
    READERS,
    InvalidValue,
    Spelling,
    read_language,
    read_time_zone,
    read_value,
)

MONTHS_FIRST = Spelling(day_first=False)
COMMA = Spelling(decimal_comma=True)
ANYTHING = st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text()))


@given(st.sampled_from(sorted(READERS)), ANYTHING, st.builds(Spelling, st.booleans(), st.booleans()))
def test_any_value_is_read_or_refused_and_reading_again_changes_nothing(
    kind: str, value: Any, spelling: Spelling
) -> None:
    try:
        first = read_value(kind, value, spelling)
    except InvalidValue:
        return
    json.dumps(first, allow_nan=False).encode()
    assert read_value(kind, first, spelling) == first


@pytest.mark.parametrize(
    ("kind", "text", "spelling", "value"),
    [
        ("number", "106.57", Spelling(), 106.57),
        ("number", "0.00", Spelling(), 0),
        ("number", "1,234.5", Spelling(), 1234.5),
        ("number", "1.234,5", COMMA, 1234.5),
        ("number", "7,5", COMMA, 7.5),
        ("number", "7.5", COMMA, 7.5),
        ("number", " 12 ", Spelling(), 12),
        ("date", "2024-02-29", Spelling(), "2024-02-29"),
        ("date", "31.12.2025", MONTHS_FIRST, "2025-12-31"),
        ("date", "3/4/2025", Spelling(), "2025-04-03"),
        ("date", "3/4/2025", MONTHS_FIRST, "2025-03-04"),
        ("date", "2025-01-02T10:00:00Z", Spelling(), "2025-01-02"),
        ("boolean", "Ja", Spelling(), True),
        ("boolean", "hayır", Spelling(), False),
        ("tags", "b2b; vip;b2b;;", Spelling(), ["b2b", "vip"]),
        ("tags", "a, b", Spelling(), ["a", "b"]),
        ("text", " likes tea\nand biscuits\x00", Spelling(), "likes tea\nand biscuits"),
        ("text", '=HYPERLINK("http://x")', Spelling(), '=HYPERLINK("http://x")'),
        ("text", "  ", Spelling(), None),
    ],
)
def test_values_are_read_as_they_were_meant(kind: str, text: str, spelling: Spelling, value: Any) -> None:
    read = read_value(kind, text, spelling)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("date", "2024-02-30", "bad_date"),
        ("date", "31/02/2024", "bad_date"),
        ("date", "13/13/2024", "bad_date"),
        ("date", "soon", "bad_date"),
        ("number", "NaN", "bad_number"),
        ("number", "1e400", "bad_number"),
        ("number", "9" * 400, "bad_number"),
        ("number", ".", "bad_number"),
        ("boolean", "perhaps", "bad_boolean"),
        ("text", "x" * 10_001, "too_long"),
        ("text", ["a"], "bad_type"),
        ("tags", ";".join(str(number) for number in range(101)), "too_many_tags"),
    ],
)
def test_what_can_not_be_read_says_why(kind: str, text: Any, code: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_value(kind, text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("DE", "de"),
        ("zh-tw", "zh-TW"),
        ("pt_BR", "pt-BR"),
        ("zh-hant-TW", "zh-Hant-TW"),
        ("German", "de"),
        ("Deutsch", "de"),
        ("suomi", "fi"),
        ("", None),
    ],
)
def test_languages_are_codes_or_names(text: str, code: str | None) -> None:
    assert read_language(text) == code


@pytest.mark.parametrize("text", ["xx", "klingonese", "d", "en-", "{{7*7}}"])
def test_an_unknown_language_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        read_language(text)


def test_time_zones_are_those_of_iana_in_any_letter_case() -> None:
    assert read_time_zone("europe/berlin") == "Europe/Berlin"
    for text in ("Europe/Atlantis", "../../etc/passwd", "+02:00"):
        with pytest.raises(InvalidValue):
            read_time_zone(text)
