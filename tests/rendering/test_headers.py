"""Header lines: what any text may become, and what none may."""

import re
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from quopri import decodestring

from hypothesis import given
from hypothesis import strategies as st

from campaigns.rendering.encodings import (
    base64_is_shorter,
    encode_base64,
    quoted_printable_piece,
)
from campaigns.rendering.headers import address_header, list_id, text_header, write_date

ANY_TEXT = st.text(max_size=200)
PRINTED = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Cn", "Zl", "Zp"]), max_size=200
).map(lambda text: " ".join(text.split()))  # fmt: skip


def read_header(line: bytes, name: str) -> str:
    return " ".join(str(message_from_bytes(line + b"\r\n", policy=policy.default)[name]).split())


def is_one_header(line: bytes) -> bool:
    unfolded = re.sub(rb"\r\n(?=[ \t])", b"", line)
    return (
        unfolded.count(b"\r\n") == 1
        and unfolded.endswith(b"\r\n")
        and unfolded.count(b"\r") == 1 == unfolded.count(b"\n")
    )


@given(ANY_TEXT)
def test_any_subject_is_one_header_of_short_ascii_lines(subject: str) -> None:
    line = text_header("Subject", subject)
    assert is_one_header(line)
    assert line.isascii()
    assert all(len(each) <= 998 for each in line.split(b"\r\n"))
    assert all(len(word) <= 75 for word in re.findall(rb"=\?\S+\?=", line))


@given(PRINTED)
def test_a_subject_reads_as_it_was_written(subject: str) -> None:
    assert read_header(text_header("Subject", subject), "Subject") == subject


@given(PRINTED.filter(lambda name: len(name) > 0))
def test_a_display_name_reads_as_it_was_written_and_the_address_stays(name: str) -> None:
    line = address_header("From", name, "ada@example.com")
    assert is_one_header(line)
    value = re.sub(r"\r\n(?=[ \t])", "", line.decode().strip()).removeprefix("From: ")
    phrase, _, address = value.rpartition(" ")
    assert address == "<ada@example.com>"
    # The policy's own parser puts a space between two encoded-words; RFC 2047 6.2 and the old reader do not.
    written = str(make_header(decode_header(phrase)))
    if phrase.startswith('"'):
        written = re.sub(r"\\(.)", r"\1", phrase[1:-1])
    assert written == name


@given(ANY_TEXT, ANY_TEXT)
def test_any_list_name_leaves_a_plain_list_id(name: str, label: str) -> None:
    line = list_id(name, label, "news@fern.example")
    assert is_one_header(line)
    assert b"=?" not in line
    assert re.search(rb"<[A-Za-z0-9._-]+\.fern\.example>\r\n$", line)


@given(st.integers(10**9, 3 * 10**9), st.integers(-12, 14))
def test_a_date_is_written_in_utc_and_english(second: int, hours: int) -> None:
    aware = datetime.fromtimestamp(second, timezone(timedelta(hours=hours)))
    assert parsedate_to_datetime(write_date(aware)) == aware.replace(microsecond=0)


@given(st.lists(ANY_TEXT, max_size=6))
def test_quoted_printable_pieces_join_to_what_they_say(pieces: list[str]) -> None:
    pieces = [piece.replace("\r", "") for piece in pieces]
    encoded = b"".join(map(quoted_printable_piece, pieces))
    assert decodestring(encoded).replace(b"\r\n", b"\n") == "".join(pieces).encode("utf-8", "replace")
    lines = encoded.split(b"\r\n")
    assert all(len(line) <= 76 for line in lines)
    assert not any(line.endswith((b" ", b"\t")) for line in lines)
    assert encoded.isascii()


@given(ANY_TEXT)
def test_base64_is_chosen_where_it_is_shorter(text: str) -> None:
    text = text.replace("\n", "").replace("\r", "") * 5
    if base64_is_shorter(text) and len(text) > 200:
        assert len(encode_base64(text)) <= len(quoted_printable_piece(text)) * 1.05
    assert all(len(line) <= 76 for line in encode_base64(text).split(b"\r\n"))
