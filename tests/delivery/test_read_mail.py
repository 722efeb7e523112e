"""Taking received mails apart, and marking what is clicked in the local inbox."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.delivery.read_mail import mark_hits, read_mail
from campaigns.signing import KeyRing

PUBLIC = "http://127.0.0.1:8000"
MAIL = (
    b"Received: from a\r\n\tby b\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?utf-8?q?_an_alle?=\r\n"
    b"List-Unsubscribe: <http://127.0.0.1:8000/u/abc>\r\nReceived: twice\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Gr=C3=BC=C3=9Fe,\r\nbis =\r\nbald\r\n"
    b"--x\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Gr\xfc\xdfe</p>\r\n--x--\r\n"
)


def test_headers_keep_their_order_and_are_decoded_and_unfolded() -> None:
    headers = [(header.name, header.value) for header in read_mail(MAIL).headers]
    assert headers[:4] == [
        ("Received", "from a by b"),
        ("Subject", "Grüße an alle"),
        ("List-Unsubscribe", "<http://127.0.0.1:8000/u/abc>"),
        ("Received", "twice"),
    ]


def test_both_parts_are_decoded_as_they_say() -> None:
    mail = read_mail(MAIL)
    assert mail.text is not None
    assert mail.text.rstrip() == "Grüße,\nbis bald"
    assert mail.html is not None
    assert mail.html.rstrip() == "<p>Grüße</p>"


def test_a_plain_mail_has_no_html() -> None:
    mail = read_mail(b"Subject: Hello\r\n\r\nJust text\r\n")
    assert (mail.html, mail.text) == (None, "Just text\n")


def test_an_unknown_charset_still_shows_something() -> None:
    mail = read_mail(b"Content-Type: text/plain; charset=klingon\r\n\r\nplain\r\n")
    assert mail.text == "plain\n"


@given(st.binary(max_size=400))
def test_any_bytes_can_be_shown(raw: bytes) -> None:
    for header in read_mail(raw).headers:
        header.value.encode()


@given(st.sampled_from([MAIL]), st.integers(0, len(MAIL)), st.binary(max_size=8))
def test_a_damaged_mail_can_be_shown(mail: bytes, place: int, damage: bytes) -> None:
    read_mail(mail[:place] + damage + mail[place + len(damage) :])


@pytest.mark.parametrize("quote", ['"{}"', "{} and more", "({})", "{}.", "see\n{}\n"])
def test_clicks_and_pixels_of_ours_are_marked_and_the_mark_is_genuine(key_ring: KeyRing, quote: str) -> None:
    token = key_ring.message_token(1, 2)
    click = f"{token}.{key_ring.link_piece(1, 3, 'https://shop.example/a-b_c')}"
    for token_in_path, url in ((click, f"{PUBLIC}/c/{click}"), (token, f"{PUBLIC}/o/{token}.gif")):
        marked = mark_hits(quote.format(url), public_url=PUBLIC, key_ring=key_ring)
        assert marked == quote.format(f"{url}?i={key_ring.inbox_mark(token_in_path)}")
        assert key_ring.is_inbox_mark(token_in_path, marked.partition("?i=")[2][:14])


def test_other_links_stay_as_they_are(key_ring: KeyRing) -> None:
    token = key_ring.message_token(1, 2)
    others = [
        f"{PUBLIC}/u/{token}",
        f"{PUBLIC}/v/{token}",
        f"https://elsewhere.example/c/{token}.{token}",
        f"{PUBLIC}/o/{token}.gif?i=already",
        f"{PUBLIC}0/o/{token}.gif",
    ]
    for url in others:
        assert mark_hits(url, public_url=PUBLIC, key_ring=key_ring) == url
