"""The local inbox: owners only, harmless to look at, its links marked."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from campaigns.delivery import inbox
from campaigns.settings import get_settings
from campaigns.signing import KeyRing
from tests.web.conftest import Browser
from web.inbox import link_text, with_base

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PUBLIC = "http://127.0.0.1:8000"
HTML = (
    '<html lang="en"><head><title>x</title></head><body><script>alert(1)</script><a href="{click}">go</a></body></html>'
)


def click_token(key_ring: KeyRing) -> str:
    return f"{key_ring.message_token(1, 2)}.{key_ring.link_piece(1, 1, 'https://shop.example/')}"


def receive(key_ring: KeyRing, *, to: str = "ada@example.com", subject: str = "Autumn", html: str = HTML) -> int:
    click = f"{PUBLIC}/c/{click_token(key_ring)}"
    raw = (
        f"Subject: {subject}\r\nX-Note: <b>bold</b>\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nRead on: {click}.\r\n<i>not markup</i>\r\n"
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html.format(click=click)}\r\n--b--\r\n"
    ).encode()
    store = inbox.open_inbox(inbox.inbox_path(get_settings()))
    mail = inbox.ReceivedMail(NOW + timedelta(seconds=1), "bounce+x@fern.example", [to], subject, "<m@x>", raw)
    inbox.store_mails(store, mails=[mail], limit=1000)
    number = int(store.execute("SELECT max(id) FROM mail").fetchone()[0])
    store.close()
    return number


def test_an_empty_inbox_says_what_will_come(owner: Browser) -> None:
    assert "No mail yet" in owner.get("/inbox").text


def test_mails_are_listed_newest_first_found_and_paged(owner: Browser, key_ring: KeyRing) -> None:
    numbers = [receive(key_ring, to=f"reader{number}@example.com") for number in range(52)]
    first = owner.get("/inbox").text
    assert first.index("reader51@") < first.index("reader50@")
    assert "reader1@" not in first
    assert "reader1@" in owner.get(f"/inbox?before={numbers[2]}").text
    found = owner.get("/inbox?q=READER7@").text
    assert ("reader7@" in found, "reader8@" in found) == (True, False)
    assert "No mail matches" in owner.get("/inbox?q=nobody").text


@pytest.mark.parametrize("tab", ["html", "text", "headers", "raw", "nonsense"])
def test_every_tab_shows_the_mail_and_none_of_its_markup_runs(owner: Browser, key_ring: KeyRing, tab: str) -> None:
    number = receive(key_ring, subject="<script>alert(1)</script>")
    page = owner.get(f"/inbox/{number}?tab={tab}").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert "<b>bold</b>" not in page
    assert "<i>not markup</i>" not in page


def test_the_html_comes_under_a_policy_that_runs_nothing(owner: Browser, key_ring: KeyRing) -> None:
    answer = owner.get(f"/inbox/{receive(key_ring)}/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "allow-same-origin" not in policy
    assert "script" not in policy
    assert f"img-src https: data: {PUBLIC};" in policy


def test_links_are_marked_and_open_in_a_tab_of_their_own(owner: Browser, key_ring: KeyRing) -> None:
    number = receive(key_ring)
    token = click_token(key_ring)
    marked = f"{PUBLIC}/c/{token}?i={key_ring.inbox_mark(token)}"
    html = owner.get(f"/inbox/{number}/html").text
    assert '<head><base target="_blank">' in html
    assert f'href="{marked}"' in html
    assert f'href="{marked}" target="_blank" rel="noopener noreferrer"' in owner.get(f"/inbox/{number}?tab=text").text


def test_the_raw_mail_is_what_came_without_marks(owner: Browser, key_ring: KeyRing) -> None:
    answer = owner.get(f"/inbox/{receive(key_ring)}/raw")
    assert b"?i=" not in answer.data
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_only_owners_look_into_the_inbox(editor: Browser, key_ring: KeyRing) -> None:
    number = receive(key_ring)
    for path in ("/inbox", f"/inbox/{number}", f"/inbox/{number}/html", f"/inbox/{number}/raw"):
        assert editor.get(path).status_code == 403
    assert editor.post("/inbox/clear", data={"confirmed": "yes"}).status_code == 403


def test_a_mail_that_is_gone_is_not_found(owner: Browser) -> None:
    for path in ("/inbox/7", "/inbox/7/html", f"/inbox/{2**80}"):
        assert owner.get(path).status_code == 404


def test_the_inbox_is_emptied_only_after_a_yes(owner: Browser, key_ring: KeyRing) -> None:
    receive(key_ring)
    assert "Throw every mail away?" in owner.post("/inbox/clear").text
    assert inbox.count_mails(get_settings()) == 1
    assert owner.post("/inbox/clear", data={"confirmed": "yes"}).status_code == 303
    assert inbox.count_mails(get_settings()) == 0


def test_the_inbox_is_off_once_a_transport_is_set(
    owner: Browser, app: Flask, key_ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = receive(key_ring)
    monkeypatch.setenv("TIDINGS_SMTP_URL", "smtp://relay.example")
    get_settings.cache_clear()
    app.extensions["settings"] = get_settings()
    assert "The local inbox is off" in owner.get("/inbox").text
    assert owner.get(f"/inbox/{number}/html").status_code == 404


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<html><head lang='x'><p>", "<html><head lang='x'>B<p>"),
        ("<HTML lang=en><p>", "<HTML lang=en>B<p>"),
        ("<!doctype html><p>", "<!doctype html>B<p>"),
        ("<header><p>", "B<header><p>"),
    ],
)
def test_the_base_stands_where_it_keeps_the_mode_of_the_page(content: str, expected: str) -> None:
    assert with_base(content) == expected.replace("B", '<base target="_blank">')


def test_text_links_leave_the_full_stop_out_and_escape_the_rest() -> None:
    shown = link_text("<b> see https://a.example/?x=1&y=2, or (http://b.example/).")
    assert shown == (
        '&lt;b&gt; see <a href="https://a.example/?x=1&amp;y=2" target="_blank" rel="noopener noreferrer">'
        'https://a.example/?x=1&amp;y=2</a>, or (<a href="http://b.example/" target="_blank" rel="noopener noreferrer">'
        "http://b.example/</a>)."
    )
