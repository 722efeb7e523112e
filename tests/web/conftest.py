"""Clients of the application: an owner, an editor, a viewer, and a stranger who is not signed in."""

import re
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser as PlaywrightBrowser
from playwright.sync_api import Page
from sqlalchemy import update
from sqlalchemy.orm import Session
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from campaigns import clock
from campaigns.accounts.sign_in import create_link
from campaigns.accounts.users import ensure_first_owner
from campaigns.db import transaction
from campaigns.models.installation import Installation
from campaigns.models.user import Role
from campaigns.settings import get_settings
from campaigns.signing import KeyRing
from tests.builders import make_user
from web.app import create_app
from web.static_files import DIST

TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


class Browser(FlaskClient):
    """A client that sends the CSRF token with its POSTs, as the pages do. ``bare_post`` does not."""

    def post(self, *arguments: Any, **options: Any) -> TestResponse:
        token = TOKEN.search(self.get("/setup", follow_redirects=True).text)
        assert token is not None
        headers = {"X-CSRFToken": token[1], **dict(options.pop("headers", {}))}
        return super().post(*arguments, headers=headers, **options)

    def bare_post(self, *arguments: Any, **options: Any) -> TestResponse:
        return super().post(*arguments, **options)


@pytest.fixture
def app(session: Session, key_ring: KeyRing) -> Flask:
    """The application over the test's own transaction, not set up yet."""
    application = create_app(get_settings(), key_ring)
    application.test_client_class = Browser
    return application


@pytest.fixture
def installed(session: Session) -> None:
    """Set-up is done."""
    values = {"organisation": "Fern & Field", "time_zone": "Europe/London", "set_up_at": clock.now()}
    session.execute(update(Installation).values(**values))
    session.flush()


def enter(app: Flask, session: Session, role: str) -> Browser:
    user = make_user(session, email=f"{role}@example.com", role=role)
    token = create_link(session, user_id=user.id, now=clock.now())
    session.flush()
    browser: Browser = app.test_client()  # type: ignore[assignment]
    assert browser.post(f"/sign-in/{token}").status_code == 303
    return browser


@pytest.fixture
def owner(app: Flask, session: Session, installed: None) -> Browser:
    return enter(app, session, Role.owner)


@pytest.fixture
def editor(app: Flask, session: Session, installed: None) -> Browser:
    return enter(app, session, Role.editor)


@pytest.fixture
def viewer(app: Flask, session: Session, installed: None) -> Browser:
    return enter(app, session, Role.viewer)


@pytest.fixture
def stranger(app: Flask, installed: None) -> Browser:
    browser: Browser = app.test_client()  # type: ignore[assignment]
    return browser


class Site:
    """A set-up installation served on a port of its own, for browsers."""

    def __init__(self, app: Flask) -> None:
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def make_link(self) -> str:
        """Return a sign-in link of the owner."""
        with transaction() as session:
            user = ensure_first_owner(session, now=clock.now())
            return f"{self.url}/sign-in/{create_link(session, user_id=user.id, now=clock.now())}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def site(committed_database: str, key_ring: KeyRing) -> Iterator[Site]:
    """A real server over a real database, not set up yet."""
    if not (DIST / "manifest.json").is_file():
        pytest.skip("the assets are not built: npm ci && npm run build")
    serving = Site(create_app(get_settings(), key_ring))
    yield serving
    serving.close()


@pytest.fixture
def page(chromium: PlaywrightBrowser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page whose script errors and refused styles fail the test."""
    context = chromium.new_context(viewport={"width": 1360, "height": 900}, locale="en-GB", reduced_motion="reduce")
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    yield opened
    context.close()
    assert faults == []
