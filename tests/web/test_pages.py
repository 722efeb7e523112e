"""The shell: every page answers, and every role sees its own."""

from typing import Any

import pytest
from sqlalchemy import Engine, event, update
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.models.installation import Installation
from tests.builders import make_user
from tests.web.conftest import Browser

OWNER_PAGES = (
    "/settings/organisation",
    "/settings/users",
    "/settings/tokens",
    "/settings/audit",
    "/settings/senders/new",
)


@pytest.mark.parametrize("path", ["/", "/settings/", "/settings/senders", *OWNER_PAGES])
def test_an_owner_sees_every_page(owner: Browser, path: str) -> None:
    answer = owner.get(path)
    assert answer.status_code == 200
    assert "<h1" in answer.text


@pytest.mark.parametrize("path", OWNER_PAGES)
def test_an_editor_is_kept_from_the_owners_pages(editor: Browser, path: str) -> None:
    assert editor.get(path).status_code == 403


def test_a_stranger_is_asked_to_sign_in_and_brought_back(stranger: Browser) -> None:
    answer = stranger.get("/settings/users")
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=/settings/users"


@pytest.mark.parametrize("path", ["/", "/settings/", "/settings/users", "/settings/tokens", "/settings/audit"])
def test_a_page_asks_the_database_at_most_eight_times(owner: Browser, worker_engine: Engine, path: str) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            asked.append(statement)

    event.listen(worker_engine, "before_cursor_execute", note)
    owner.get(path)
    event.remove(worker_engine, "before_cursor_execute", note)
    assert 1 <= len(asked) <= 8, "\n".join(asked)


def test_names_are_shown_as_text_whatever_they_hold(owner: Browser, session: Session) -> None:
    nasty = "<script>alert(1)</script>{{7*7}}\"'=cmd()\u202e"
    owner.post("/settings/", data={"name": nasty, "email": "owner@example.com", "language": "", "time_zone": ""})
    make_user(session, email="grace@example.com", name=nasty)
    for path in ("/", "/settings/", "/settings/users"):
        text = owner.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in text


def test_instants_are_written_in_the_readers_zone_with_the_zone_named(owner: Browser) -> None:
    owner.post(
        "/settings/",
        data={"name": "", "email": "owner@example.com", "language": "", "time_zone": "Asia/Tokyo"},
    )
    assert " JST</time>" in owner.get("/settings/users").text


def test_a_held_installation_says_so_and_an_owner_releases_it_after_being_asked(
    owner: Browser, viewer: Browser, session: Session
) -> None:
    session.execute(update(Installation).values(held_at=clock.now(), hold_reason="restored"))
    session.flush()
    assert "restored from a backup" in viewer.get("/").text
    assert "Release sending" not in viewer.get("/").text
    assert viewer.post("/release", data={"confirmed": "yes"}).status_code == 403
    asked = owner.post("/release", data={"confirmed": ""})
    assert asked.status_code == 200
    assert 'name="confirmed" value="yes"' in asked.text
    assert "Sending is held" in owner.get("/").text
    assert owner.post("/release", data={"confirmed": "yes"}).status_code == 303
    assert "Sending is held" not in owner.get("/").text


def test_pages_are_written_in_a_language_that_there_are_words_for(owner: Browser) -> None:
    for asked in ("en-GB", "tlh, en;q=0.1", "", "*", "x" * 500):
        assert '<html lang="en' in owner.get("/", headers={"Accept-Language": asked}).text


def test_the_theme_is_kept_in_a_cookie_and_nothing_else_gets_in(stranger: Browser) -> None:
    stranger.post("/theme", data={"theme": "dark", "back": "//evil.example"})
    assert 'data-bs-theme="dark"' in stranger.get("/sign-in").text
    answer = stranger.post("/theme", data={"theme": '"><script>', "back": "//evil.example"})
    assert answer.location == "/"
    assert 'data-bs-theme="dark"' in stranger.get("/sign-in").text


def test_an_address_with_and_without_a_slash_is_the_same_page(owner: Browser) -> None:
    for room in ("campaigns", "segments", "lists", "inbox", "settings"):
        assert owner.get(f"/{room}").status_code == owner.get(f"/{room}/").status_code == 200
