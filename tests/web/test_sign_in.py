"""Signing in and out through the pages, and what keeps others out."""

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.accounts import passwords, sign_in, tokens, users
from campaigns.models.audit import AuditEntry
from campaigns.models.installation import Installation
from campaigns.models.mailing_list import MailingList
from campaigns.models.sender import Sender
from campaigns.models.user import User
from campaigns.settings import get_settings
from campaigns.signing import KeyRing
from tests.builders import make_user
from tests.web.conftest import Browser
from web.app import create_app
from web.sign_in import safe_target

PASSWORD = "three quiet jobs"
ANSWERS = {
    "name": "Ada",
    "email": "ada@example.com",
    "password": PASSWORD,
    "language": "en",
    "time_zone": "Europe/Helsinki",
    "company": "Fern & Field",
    "postal_address": "1 Garden Lane\r\n\r\n Springfield ",
    "from_name": "Fern & Field",
    "from_email": "news@example.com",
    "reply_to": "",
    "list_name": "Newsletter",
}


@pytest.fixture
def ada(session: Session) -> User:
    user = make_user(session, email="ada@example.com", role="editor")
    return passwords.set_password(session, user_id=user.id, password=PASSWORD)


def test_a_get_of_a_link_signs_nobody_in(stranger: Browser, session: Session, ada: User) -> None:
    token = sign_in.create_link(session, user_id=ada.id, now=clock.now())
    for _ in range(3):
        assert stranger.get(f"/sign-in/{token}").status_code == 200
    assert stranger.get("/settings/").status_code == 303
    assert stranger.post(f"/sign-in/{token}").status_code == 303
    assert stranger.get("/settings/").status_code == 200
    stranger.post("/sign-out")
    assert stranger.post(f"/sign-in/{token}").status_code == 404
    assert stranger.get("/settings/").status_code == 303


def test_a_password_signs_in_and_is_noted_in_the_trail(stranger: Browser, session: Session, ada: User) -> None:
    wrong = stranger.post("/sign-in", data={"email": ada.email, "password": "wrong"})
    nobody = stranger.post("/sign-in", data={"email": "nobody@example.com", "password": "wrong"})
    assert wrong.status_code == nobody.status_code == 422
    assert "Address or password is wrong." in wrong.text
    assert "Address or password is wrong." in nobody.text
    answer = stranger.post("/sign-in", data={"email": ada.email, "password": PASSWORD, "next": "/settings/senders"})
    assert (answer.status_code, answer.location) == (303, "/settings/senders")
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.user_id, PASSWORD in str(entry.detail)) == ("user.signed_in", ada.id, False)


def test_many_wrong_tries_are_answered_429(stranger: Browser, ada: User) -> None:
    for _ in range(sign_in.TRIES_PER_ADDRESS):
        assert stranger.post("/sign-in", data={"email": ada.email, "password": "wrong"}).status_code == 422
    assert stranger.post("/sign-in", data={"email": ada.email, "password": PASSWORD}).status_code == 429


@pytest.mark.parametrize(
    "path", ["/sign-in", "/sign-out", "/theme", "/settings/", "/settings/users", "/release", "/setup"]
)
def test_a_post_without_the_csrf_token_is_refused(owner: Browser, path: str) -> None:
    assert owner.bare_post(path, data={"email": "x@example.com"}).status_code == 400


def test_a_session_ends_with_the_password_the_user_or_the_sign_out(
    app: Flask, installed: None, session: Session, ada: User
) -> None:
    def enter() -> Browser:
        browser: Browser = app.test_client()  # type: ignore[assignment]
        browser.post("/sign-in", data={"email": ada.email, "password": PASSWORD})
        assert browser.get("/").status_code == 200
        return browser

    first, second = enter(), enter()
    changed = first.post("/settings/password", data={"current": PASSWORD, "password": "another long one"})
    assert changed.status_code == 303
    assert first.get("/").status_code == 200
    assert second.get("/").status_code == 303
    assert first.post("/settings/password", data={"current": "wrong", "password": "yet another one"}).status_code == 422
    make_user(session, email="owner@example.com")
    users.disable_user(session, user_id=ada.id, now=clock.now())
    assert first.get("/").status_code == 303


def test_a_new_password_ends_sign_in_links_that_are_on_their_way(
    app: Flask, installed: None, session: Session, stranger: Browser, ada: User
) -> None:
    token = sign_in.create_link(session, user_id=ada.id, now=clock.now())
    stranger.post("/sign-in", data={"email": ada.email, "password": PASSWORD})
    stranger.post("/settings/password", data={"current": PASSWORD, "password": "another long one"})
    other: Browser = app.test_client()  # type: ignore[assignment]
    assert other.post(f"/sign-in/{token}").status_code == 404


def test_another_address_to_sign_in_with_stands_in_the_trail(owner: Browser, session: Session) -> None:
    profile = {"name": "Ada", "email": "new@example.com", "language": "", "time_zone": ""}
    assert owner.post("/settings/", data=profile).status_code == 303
    assert owner.post("/settings/", data=profile).status_code == 303
    trail = session.scalars(select(AuditEntry).where(AuditEntry.action == "user.address_changed")).all()
    assert [entry.actor for entry in trail] == ["owner@example.com"]


def test_set_up_makes_the_organisation_the_sender_and_the_first_list(app: Flask, session: Session) -> None:
    browser: Browser = app.test_client()  # type: ignore[assignment]
    owner = users.ensure_first_owner(session, now=clock.now())
    browser.post(f"/sign-in/{sign_in.create_link(session, user_id=owner.id, now=clock.now())}")
    assert browser.get("/settings/users").location == "/setup"
    assert browser.post("/setup", data={**ANSWERS, "password": "short"}).status_code == 422
    assert browser.post("/setup", data={**ANSWERS, "from_email": "nonsense"}).status_code == 422
    assert session.scalars(select(Sender)).all() == []
    assert browser.post("/setup", data=ANSWERS).location == "/"
    session.expire_all()
    house, sender = session.get_one(Installation, 1), session.scalars(select(Sender)).one()
    assert (house.organisation, house.time_zone, house.set_up_at is None) == ("Fern & Field", "Europe/Helsinki", False)
    assert sender.postal_address == "1 Garden Lane\nSpringfield"
    assert session.scalars(select(MailingList)).one().sender_id == sender.id
    assert browser.get("/").status_code == 200
    assert browser.post("/setup", data=ANSWERS).status_code == 409


def test_only_an_owner_may_set_up(app: Flask, session: Session) -> None:
    editor = make_user(session, email="editor@example.com", role="editor")
    browser: Browser = app.test_client()  # type: ignore[assignment]
    browser.post(f"/sign-in/{sign_in.create_link(session, user_id=editor.id, now=clock.now())}")
    assert browser.get("/").status_code == 403
    assert browser.get("/setup").status_code == 403


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", None, "/a\nb", "javascript:x"]
)
def test_signing_in_never_leads_elsewhere(target: str | None) -> None:
    assert safe_target(target) is None


def test_a_disabled_or_unknown_session_cookie_is_nobody(stranger: Browser) -> None:
    stranger.set_cookie(f"tidings_{get_settings().port}", "forged")
    assert stranger.get("/").status_code == 303


def test_cookies_are_told_apart_by_port_and_secured_under_https(
    session: Session, key_ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDINGS_PUBLIC_URL", "https://mail.example.com")
    monkeypatch.setenv("TIDINGS_PORT", "8123")
    get_settings.cache_clear()
    cookie = create_app(get_settings(), key_ring).test_client().get("/sign-in").headers["Set-Cookie"]
    assert cookie.startswith("__Host-tidings_8123=")
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))


def test_a_bearer_without_enough_role_or_life_is_refused_with_problem_details(
    stranger: Browser, session: Session
) -> None:
    _, viewer = tokens.create_token(session, name="Look", role="viewer", now=clock.now())
    assert stranger.get("/api/v1/lists", headers={"Authorization": f"Bearer {viewer}"}).status_code == 200
    for headers, status in (({}, 401), ({"Authorization": "Bearer tid_x_y"}, 401)):
        answer = stranger.get("/api/v1/lists", headers=headers)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    refused = stranger.bare_post("/api/v1/lists", json={"name": "x"}, headers={"Authorization": f"Bearer {viewer}"})
    assert refused.status_code == 403
    assert refused.get_json()["code"] == "not_allowed"


def test_a_signed_in_browser_cannot_call_the_api_with_its_cookie(owner: Browser) -> None:
    assert owner.get("/api/v1/lists").status_code == 401


def test_every_page_forbids_inline_script_frames_and_guessing_types(owner: Browser) -> None:
    for path in ("/", "/nowhere", "/settings/users"):
        headers = owner.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"


def test_an_error_is_a_page_for_people_and_problem_details_for_programs(owner: Browser) -> None:
    page = owner.get("/settings/senders/snd_nothing")
    assert (page.status_code, page.mimetype) == (404, "text/html")
    problem = owner.get("/settings/senders/snd_nothing", headers={"Accept": "application/json"})
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")
    assert owner.get("/nowhere").status_code == 404
    assert owner.bare_post("/", data={}).status_code == 405
    assert owner.post("/settings/", data={"name": "x" * 5_000_000}).status_code == 413
