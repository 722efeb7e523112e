"""The audit trail speaks in sentences, whatever was noted."""

import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.accounts import audit
from campaigns.ids import encode_id
from tests.builders import make_contact, make_sender
from tests.web.conftest import Browser
from web.settings.deeds import describe_deed

ROOT = Path(__file__).parents[2]
NOTED = re.compile(
    r'"((?:user|campaign|segment|import|contact|list|sender|token|suppression|installation|organisation|inbox)'
    r'\.[a-z_]+)"'
)
NO_DEEDS = {"inbox.index", "organisation.html", "sender.html"}


def actions() -> list[str]:
    found: set[str] = set()
    for path in (ROOT / "web").rglob("*.py"):
        text = path.read_text()
        if "audit" in text and path.name != "deeds.py":
            found.update(NOTED.findall(text))
    return sorted(found - NO_DEEDS)


def test_actions_are_found_at_all() -> None:
    assert len(actions()) > 25


@pytest.mark.parametrize("action", actions())
def test_every_noted_action_is_worded(app: Flask, action: str) -> None:
    with app.test_request_context():
        said = describe_deed(action, {})
    assert said != describe_plainly(action)
    assert "." not in said
    assert "_" not in said


def describe_plainly(action: str) -> str:
    thing, _, deed = action.partition(".")
    return f"{thing.capitalize()} {deed.replace('_', ' ')}"


def test_the_trail_names_what_a_deed_was_about(owner: Browser, session: Session) -> None:
    contact = make_contact(session, email="ada@example.com")
    for action, subject in (
        ("contact.created", encode_id("contact", contact.id)),
        ("campaign.deleted", "cmp_nonsense"),
        ("api.create_segment", ""),
    ):
        audit.record(session, actor=audit.MACHINE, action=action, subject=subject, now=clock.now())
    page = owner.get("/settings/audit").text
    assert "Added a contact" in page
    assert f'href="/contacts/{encode_id("contact", contact.id)}"' in page
    assert "cmp_nonsense" in page
    assert "Through the API: create segment" in page
    assert "contact.created" not in page


def test_an_archived_sender_comes_back_into_use(owner: Browser, session: Session) -> None:
    sender = make_sender(session)
    url = f"/settings/senders/{encode_id('sender', sender.id)}"
    owner.post(f"{url}/archive", data={"confirmed": "yes"})
    session.refresh(sender)
    assert sender.archived_at is not None
    assert "Use it again" in owner.get("/settings/senders").text
    assert owner.post(f"{url}/restore").status_code == 303
    session.refresh(sender)
    assert sender.archived_at is None
