"""Names shown, greeted and sorted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.contacts.names import GREETINGS, full_name, greeting, sort_key


@pytest.mark.parametrize(
    ("given_name", "family", "shown"),
    [
        ("Ada", "Lovelace", "Ada Lovelace"), ("", "Lovelace", "Lovelace"), ("Ada", "", "Ada"), ("", "", ""),
        ("明", "王", "王明"), ("太郎", "山田", "山田太郎"), ("はなこ", "山田", "山田はなこ"), ("민수", "김", "김민수"),
        ("Ming", "王", "Ming 王"), ("  Ada ", "Love\tlace", "Ada Love lace"),
    ],
)  # fmt: skip
def test_a_full_name_follows_the_habit_of_its_script(given_name: str, family: str, shown: str) -> None:
    assert full_name(given_name, family) == shown


@pytest.mark.parametrize(
    ("given_name", "family", "language", "own", "words"),
    [
        ("Ada", "Lovelace", "en", None, "Hello Ada"), ("Ada", "Lovelace", "de-AT", None, "Hallo Ada"),
        ("Ada", "Lovelace", "xx", None, "Hello Ada"), ("", "", "de", None, "Guten Tag"),
        ("", "Lovelace", "en", None, "Hello Lovelace"),
        ("明", "王", "zh-TW", None, "王明,您好"), ("明", "王", "en", None, "Hello 王明"),
        ("Ada", "L", "en", "Dear Countess", "Dear Countess"),
        ("Ada", "L", "en", "  ", "Hello Ada"), ("{name}", "", "en", None, "Hello {name}"),
    ],
)  # fmt: skip
def test_a_greeting_follows_the_language(
    given_name: str, family: str, language: str, own: str | None, words: str
) -> None:
    assert greeting(given_name, family, language, own=own) == words


def test_every_language_can_greet_with_and_without_a_name() -> None:
    for language, (with_name, alone) in GREETINGS.items():
        assert "{name}" in with_name, language
        assert "{" not in alone, language


def test_people_are_sorted_by_family_name_whatever_case_and_accents() -> None:
    people = [
        ("Zoe", "ångström"),
        ("Ada", "Angstrom"),
        ("Bo", "Ødegaard"),
        ("Cy", "Ozu"),
        ("Al", "ŁOŚ"),
        ("Di", "Losa"),
    ]
    assert [given for given, family in sorted(people, key=lambda name: sort_key(*name))] == [
        "Ada",
        "Zoe",
        "Al",
        "Di",
        "Bo",
        "Cy",
    ]


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_has_a_name_a_greeting_and_a_key_on_one_line(given_name: str, family: str) -> None:
    for written in (full_name(given_name, family), greeting(given_name, family, "en")):
        assert "\n" not in written
        assert "\0" not in written
    assert sort_key(given_name, family) == sort_key(given_name.upper().lower(), family) or not given_name.isascii()
