"""Encodings and delimiters, as people's programs write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.contacts.imports.sniff import guess_delimiter, guess_encoding, sniff

TURKISH = "Şule;Yılmaz;Öztürk;Gündoğdu;İstanbul\n" * 5
GERMAN = "Björn;Groß;café;Müller – €5 “x”\n" * 5


@pytest.mark.parametrize(
    ("text", "codec", "found"),
    [
        (TURKISH, "cp1254", "cp1254"),
        (GERMAN, "cp1252", "cp1252"),
        (GERMAN, "utf-8", "utf-8"),
        (GERMAN, "utf-8-sig", "utf-8-sig"),
        (GERMAN, "utf-16", "utf-16"),
        (GERMAN, "utf-16-le", "utf-16-le"),
        (GERMAN, "utf-16-be", "utf-16-be"),
        ("Łódź;Żółw;Kraków święto\n" * 5, "cp1250", "cp1250"),
        ("Иван;Петров;Москва\n" * 5, "cp1251", "cp1251"),
        ("plain,ascii\n", "ascii", "utf-8"),
    ],
)
def test_an_encoding_is_told_by_its_mark_or_its_letters(text: str, codec: str, found: str) -> None:
    assert guess_encoding(text.encode(codec)) == found


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ('a;b\n"1,5";2\n"3,7";4\n', ";"),
        ("a\tb\n1\t2,3\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("sep=;\na;b,c\n", ";"),
        ('a,b\n"x;y;z",2\n', ","),
    ],
)
def test_the_delimiter_is_the_one_that_makes_even_rows(text: str, delimiter: str) -> None:
    assert guess_delimiter(text) == delimiter


@given(st.binary(max_size=300))
def test_any_bytes_are_some_file(data: bytes) -> None:
    assert sniff(data).delimiter in (",", ";", "\t", "|") or b"=" in data


def test_a_first_row_with_an_address_is_no_header() -> None:
    assert not sniff(b"ada@example.com,Ada\n").has_header
    assert sniff(b"email,name\n").has_header
