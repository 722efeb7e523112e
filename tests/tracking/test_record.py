"""Tokens: ours are read, anything else never leads anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.hits import id_milliseconds, make_id
from campaigns.signing import BadToken, KeyRing, from_base64, to_base64
from campaigns.tracking.record import AGENT_CHARACTERS, Request, clean, record_click, record_open
from tests.conftest import SECRET_KEY

RING = KeyRing.from_text(SECRET_KEY)
REQUEST = Request("GET", "198.51.100.7", "Firefox", "", None)
numbers = st.integers(0, 2**32 - 1)
targets = st.text(max_size=60).map(lambda tail: "https://shop.example/" + tail)


def read_click(token: str) -> str:
    return record_click(RING, token=token, request=REQUEST).target


def click_token(campaign_id: int, seq: int, number: int, target: str) -> str:
    return f"{RING.message_token(campaign_id, seq)}.{RING.link_piece(campaign_id, number, target)}"


@given(numbers, numbers, st.integers(1, 65535), targets)
def test_what_we_signed_is_read_back(campaign_id: int, seq: int, number: int, target: str) -> None:
    click = record_click(RING, token=click_token(campaign_id, seq, number, target), request=REQUEST)
    assert (click.record.campaign, click.record.seq, click.record.link) == (campaign_id, seq, number)
    assert click.target.startswith("https://shop.example/")
    assert click.target.isascii()
    assert not any(char.isspace() for char in click.target)
    opened = record_open(RING, token=RING.message_token(campaign_id, seq), request=REQUEST)
    assert (opened.campaign, opened.seq, opened.link, opened.kind) == (campaign_id, seq, None, "open")


@given(numbers, numbers, targets, st.data())
def test_a_flipped_bit_anywhere_is_noticed(campaign_id: int, seq: int, target: str, data: st.DataObject) -> None:
    message, link = click_token(campaign_id, seq, 1, target).split(".")
    which = data.draw(st.sampled_from([0, 1]))
    raw = bytearray(from_base64((message, link)[which]))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    pieces = [message, link]
    pieces[which] = to_base64(bytes(raw))
    with pytest.raises(BadToken):
        read_click(".".join(pieces))


@given(numbers, numbers, targets, st.data())
def test_a_cut_or_lengthened_token_is_noticed(campaign_id: int, seq: int, target: str, data: st.DataObject) -> None:
    token = click_token(campaign_id, seq, 1, target)
    first, last = sorted(data.draw(st.tuples(st.integers(0, len(token)), st.integers(0, len(token)))))
    addition = data.draw(st.text("AZaz09-_.=", max_size=3))
    changed = token[:first] + addition + token[last:]
    if changed != token:
        with pytest.raises(BadToken):
            read_click(changed)


@given(numbers, numbers, numbers, targets)
def test_pieces_of_two_campaigns_do_not_mix(first: int, second: int, seq: int, target: str) -> None:
    token = f"{RING.message_token(first, seq)}.{RING.link_piece(second, 1, target)}"
    if first == second:
        assert read_click(token)
    else:
        with pytest.raises(BadToken):
            read_click(token)


@given(st.text(max_size=200))
def test_any_other_text_is_no_token(text: str) -> None:
    for read in (record_open, record_click):
        with pytest.raises(BadToken):
            read(RING, token=text, request=REQUEST)  # type: ignore[operator]


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_any_other_bytes_are_no_token(first: bytes, second: bytes) -> None:
    with pytest.raises(BadToken):
        read_click(f"{to_base64(first)}.{to_base64(second)}")


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "//evil.example", "/path", "data:text/html,x", "", "ftp://a/"]
)
def test_only_web_addresses_are_targets(target: str) -> None:
    with pytest.raises(BadToken):
        read_click(click_token(1, 1, 1, target))


def test_a_token_of_a_retired_key_still_works_and_one_of_a_strangers_does_not() -> None:
    old, new = "an old key of some length", "a new key of some length"
    token = KeyRing.from_text(old).message_token(5, 6)
    assert record_open(KeyRing.from_text(f"{new},{old}"), token=token, request=REQUEST).campaign == 5
    with pytest.raises(BadToken):
        record_open(KeyRing.from_text(new), token=token, request=REQUEST)


@given(st.text(max_size=700))
def test_what_a_browser_says_of_itself_becomes_one_storable_line(agent: str) -> None:
    line = clean(agent, AGENT_CHARACTERS)
    assert len(line) <= AGENT_CHARACTERS
    assert "\n" not in line
    assert "\0" not in line
    line.encode()


def test_the_time_of_a_hit_is_in_its_id() -> None:
    record = record_open(RING, token=RING.message_token(1, 1), request=REQUEST)
    now = id_milliseconds(make_id())
    assert 0 <= now - int(record.id.replace("-", "")[:12], 16) < 5000
