"""The public pages in a browser: by keyboard, in light and dark, on a phone, with nothing that axe finds."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from campaigns.db import transaction
from campaigns.signing import KeyRing
from tests import builders
from tests.web.axe import find_violations
from tests.web.public.conftest import Server

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("PICTURES")
SMALL_TARGETS = """
[...document.querySelectorAll('a, button, label.choice')]
  .filter(one => one.getBoundingClientRect().height < 44).map(one => one.outerHTML)
"""


def look(page: Page, name: str) -> list[str]:
    """Return what is wrong with the page."""
    faults = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        faults += [f"{name}, {scheme}: {line}" for line in find_violations(page)]
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{name}-{scheme}.png")
    page.set_viewport_size({"width": 320, "height": 700})
    if page.evaluate("document.documentElement.scrollWidth") > 320:
        faults.append(f"{name} scrolls sideways")
    faults += [f"{name}: less than 44 px: {html}" for html in page.evaluate(SMALL_TARGETS)]
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}-phone.png")
    page.set_viewport_size({"width": 1360, "height": 900})
    return faults


def test_a_subscriber_leaves_comes_back_and_chooses_by_keyboard(
    page: Page, committed_database: str, start_server: Callable[..., Server], key_ring: KeyRing
) -> None:
    with transaction() as session:
        mailing_list = builders.make_list(session, name="Garden letter", description="One mail a month")
        member = builders.make_member(session, mailing_list=mailing_list, email="june@example.com")
        offers = builders.make_list(session, name="Offers")
        builders.make_membership(session, mailing_list=offers, contact=member)
    server = start_server(database_url=committed_database)
    token = key_ring.unsubscribe_token(list_id=mailing_list.id, contact_id=member.id, address_hash=member.address_hash)
    faults: list[str] = []
    page.goto(f"{server.url}/u/{token}")
    faults += look(page, "ask")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert page.get_by_role("heading", level=1).inner_text() == "You are unsubscribed"
    faults += look(page, "left")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("heading", name="You are still subscribed").wait_for()
    faults += look(page, "back")
    page.get_by_role("link", name="See all your choices").click()
    faults += look(page, "choices")
    page.get_by_label("Offers").uncheck()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("status").wait_for()
    assert not page.get_by_label("Offers").is_checked()
    assert page.get_by_label("Garden letter").is_checked()
    faults += look(page, "saved")
    page.goto(f"{server.url}/c/forged")
    faults += look(page, "forged")
    assert page.context.cookies() == []
    assert faults == []
