"""The pages of campaigns in a browser: axe in both themes, phones, and what scripts add."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from campaigns import clock
from campaigns.db import transaction
from campaigns.models.campaign import Campaign
from campaigns.models.installation import Installation
from tests.builders import make_list, make_member, make_segment, make_sender
from tests.web.axe import find_violations
from tests.web.campaigns.conftest import Room, public
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("PICTURES")


@pytest.fixture
def urls(site: Site, page: Page) -> dict[str, str]:
    """Addresses of a campaign in each state, the owner being signed in."""
    with transaction() as session:
        session.execute(update(Installation).values(organisation="Fern & Field", set_up_at=clock.now()))
        mailing_list, sender = make_list(session, name="Garden letter"), make_sender(session)
        member = make_member(session, mailing_list=mailing_list, email="ada@example.com")
        make_member(session, mailing_list=mailing_list, email="grace@example.com", given_name="Grace")
        make_segment(session, rules={"match": "all", "rules": []}, name="Regulars")
        room = Room(mailing_list, sender, member.id)
        states = ("draft", "scheduled", "sending", "held", "sent")
        bases = {s: f"{site.url}/campaigns/{public(room.campaign(session, s, name=s.title()))}" for s in states}
    page.goto(site.make_link())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.url}/")
    return {"site": site.url, **bases}


def look(page: Page, name: str) -> list[str]:
    """Return axe's findings in both themes, and whether the page scrolls sideways at 320 pixels."""
    faults = []
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.dataset.bsTheme = theme", theme)
        faults += [f"{name}, {theme}: {line}" for line in find_violations(page)]
    page.set_viewport_size({"width": 320, "height": 800})
    if page.evaluate("document.documentElement.scrollWidth") > 320:
        faults.append(f"{name} scrolls sideways on a phone")
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"campaigns-{name}-phone.png", full_page=True)
    page.set_viewport_size({"width": 1360, "height": 900})
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"campaigns-{name}.png", full_page=True)
    return faults


def test_no_page_of_campaigns_fails_axe_or_scrolls_sideways(page: Page, urls: dict[str, str]) -> None:
    faults = []
    for name, url in {
        "list": f"{urls['site']}/campaigns",
        "new": f"{urls['site']}/campaigns/new",
        "content": f"{urls['draft']}/content",
        "audience": f"{urls['draft']}/audience",
        "review": f"{urls['draft']}/review",
        "readers": f"{urls['draft']}/readers",
        "planned": f"{urls['scheduled']}/review",
        "sending": urls["sending"],
        "held": urls["held"],
        "report": urls["sent"],
        "said": f"{urls['sent']}/content",
        "messages": f"{urls['sent']}/messages",
    }.items():
        page.goto(url)
        if name == "content":
            page.locator(".cm-content").wait_for()
        faults += look(page, name)
    assert faults == []


def test_what_is_typed_is_saved_and_shown_without_pressing_anything(page: Page, urls: dict[str, str]) -> None:
    page.goto(f"{urls['draft']}/content")
    page.get_by_label("Phone").check(force=True)
    page.get_by_label("Subject").fill('{{ contact.given_name | default("You") }}, hello')
    expect(page.locator(".preview-subject")).to_have_text("Ada, hello", timeout=15_000)
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("<!-- mine -->")
    expect(page.locator("#version")).to_have_value("3", timeout=15_000)
    expect(page.get_by_label("Phone")).to_be_checked()
    expect(page.locator(".cm-content")).to_be_focused()
    page.get_by_role("button", name="Preview as the next contact").click()
    expect(page.locator(".preview-subject")).to_have_text("Grace, hello")


def test_choosing_a_segment_counts_at_once(page: Page, urls: dict[str, str]) -> None:
    page.goto(f"{urls['draft']}/audience")
    page.get_by_label("Leave out").check(force=True)
    expect(page.locator("#counts .is-total td")).to_have_text("0", timeout=15_000)
    page.get_by_label("Not used").check(force=True)
    expect(page.locator("#counts .is-total td")).to_have_text("2", timeout=15_000)


def test_sending_asks_in_a_dialog_that_names_count_subject_and_sender(page: Page, urls: dict[str, str]) -> None:
    page.goto(f"{urls['draft']}/review")
    page.get_by_role("button", name="Send now").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 people get “Autumn letter” from Fern & Field <news@fernandfield.example>.")
    dialog.get_by_role("button", name="Not now").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Send now").click()
    page.get_by_role("button", name="Yes, send it now").click()
    page.wait_for_url(urls["draft"])
    expect(page.locator("#progress-title")).to_have_text("Getting ready")


def test_a_page_turns_into_the_report_by_itself(page: Page, urls: dict[str, str]) -> None:
    page.goto(urls["sending"])
    expect(page.locator("#progress")).to_be_visible()
    with transaction() as session:
        session.execute(update(Campaign).where(Campaign.name == "Sending").values(state="sent"))
    expect(page.locator("#progress")).to_be_hidden(timeout=15_000)
    expect(page.locator("h1")).to_contain_text("Sent")
