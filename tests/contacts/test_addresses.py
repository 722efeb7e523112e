"""The address rule: what is one person, what is nobody."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.contacts import addresses
from campaigns.contacts.addresses import Address, InvalidAddress, mask, normalise

LOCAL = st.text("abcXYZ09.+-_!#'äÖßİıŞσΣé\u0301名", min_size=1, max_size=30)
DOMAIN = st.sampled_from(["example.com", "MÜNCHEN.example", "xn--mnchen-3ya.example", "Straße.example", "例え.テスト"])


def _spelling(local: str, domain: str) -> str:
    return f"{local}@{domain}"


def try_normalise(text: str) -> Address | str:
    try:
        return normalise(text)
    except InvalidAddress as error:
        return error.code


@given(st.builds(_spelling, LOCAL, DOMAIN))
def test_normalising_twice_changes_nothing(text: str) -> None:
    first = try_normalise(text)
    if isinstance(first, Address):
        assert normalise(first.key) == Address(normalise(first.key).email, first.key, first.domain)
        assert normalise(first.email) == first


@given(st.text())
def test_any_text_is_an_address_or_has_a_code(text: str) -> None:
    result = try_normalise(text)
    assert result in addresses.MESSAGES if isinstance(result, str) else "@" in result.key


@given(st.from_regex(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,70}", fullmatch=True))
def test_the_quick_way_agrees_with_the_thorough_one(local: str) -> None:
    quick = try_normalise(f"{local}@example.com")
    try:
        thorough: Address | str = addresses._normalise_unusual(f"{local.lower()}@example.com")
    except InvalidAddress as error:
        thorough = error.code
    assert quick == thorough


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \t\u00a0\ufeff ", "empty"),
        ("c7.188(at)example.net", "no_at"),
        ("two words@example.com", "space"),
        ("a@exam ple.com", "space"),
        ("a@b\nBcc: c@example.com", "space"),
        ("a@@example.com", "invalid"),
        (".a@example.com", "invalid"),
        ("a..b@example.com", "invalid"),
        ("a@localhost", "invalid"),
        ("a@[127.0.0.1]", "invalid"),
        ("a@exa_mple.com", "invalid"),
        ('"a b"@example.com', "space"),
        ("Ada <ada@example.com>", "space"),
        ("x" * 65 + "@example.com", "invalid"),
        ("a@" + "x" * 64 + ".com", "invalid"),
        ("a@example.com\x00", "invalid"),
    ],
)
def test_what_is_no_address_says_why(text: str, code: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        normalise(text)
    assert caught.value.code == code
    assert caught.value.field == "email"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("  C7.1@KUNDE.EXAMPLE ", "c7.1@kunde.example"),
        ("\ufeffada+news@Example.COM\u200b", "ada+news@example.com"),
        ("ada@MÜNCHEN.example", "ada@xn--mnchen-3ya.example"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("gro\u00df@example.com", "gro\u00df@example.com"),
        ("GROSS@example.com", "gross@example.com"),
        ("e\u0301@example.com", "\u00e9@example.com"),
        ("\u0130@example.com", "i\u0307@example.com"),
        ("a@something.test", "a@something.test"),
        ("a@printer.local", "a@printer.local"),
    ],
)
def test_one_person_has_one_key(text: str, key: str) -> None:
    assert normalise(text).key == key


def test_a_local_part_beyond_ascii_is_sent_to_as_written() -> None:
    assert normalise("J\u00d6RG@example.com").email == "J\u00d6RG@example.com"
    assert normalise("J\u00d6RG@example.com").key == "j\u00f6rg@example.com"
    assert normalise("ADA@Example.com").email == "ada@example.com"


def test_no_naughty_string_breaks_the_rule(shared_data: Path) -> None:
    for text in json.loads((shared_data / "corpora" / "naughty-strings.json").read_text()):
        for spelling in (text, f"{text}@example.com", f"a@{text}"):
            try_normalise(spelling)


def test_a_masked_address_hides_the_local_part() -> None:
    assert mask("johanna@example.com") == "j…@example.com"
    assert mask("") == ""
