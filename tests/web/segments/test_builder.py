"""The builder in a browser: live and by keyboard, without JavaScript, and as axe sees it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as PlaywrightBrowser
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from campaigns import clock
from campaigns.db import read_session, transaction
from campaigns.models.installation import Installation
from campaigns.models.segment import Segment
from tests import builders
from tests.web.conftest import Site
from tests.web.test_look import look

pytestmark = pytest.mark.browser


@pytest.fixture
def town(site: Site) -> Site:
    """A set-up installation with seven contacts in two countries."""
    with transaction() as session:
        session.execute(update(Installation).values(set_up_at=clock.now(), organisation="Fern & Field"))
        country = builders.make_attribute(session, name="country")
        for number in range(7):
            where = "Germany" if number < 4 else "Finland"
            builders.make_contact(session, email=f"person{number}@example.com", attributes={str(country.id): where})
    return site


def enter(page: Page, site: Site) -> None:
    page.goto(site.make_link())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.url}/")


def test_a_segment_is_built_by_keyboard_with_the_count_following(page: Page, town: Site) -> None:
    enter(page, town)
    page.goto(f"{town.url}/segments/new")
    page.get_by_label("Name").focus()
    page.keyboard.type("Germans")
    page.get_by_label("What it is about").focus()
    page.keyboard.type("Country")
    expect(page.get_by_label("How it compares")).to_be_visible()
    expect(page.get_by_label("What it is about")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("Germany")
    expect(page.locator("#segment-count")).to_contain_text("4 contacts match")
    expect(page.locator("#segment-said")).to_contain_text("Contacts where Country is Germany.")
    expect(page.get_by_label("Value", exact=True)).to_be_focused()
    page.get_by_role("button", name="+ Condition").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("What it is about").nth(1)).to_be_focused()
    expect(page.locator("#segment-count")).to_contain_text("Not complete yet")
    look(page, "segment-builder")
    page.get_by_role("button", name="Remove condition 2").press("Enter")
    expect(page.get_by_role("button", name="+ Condition")).to_be_focused()
    page.get_by_role("button", name="Save segment").press("Enter")
    page.wait_for_url("**/segments/seg_*")
    expect(page.get_by_role("main")).to_contain_text("4 contacts match")
    look(page, "segment")
    page.goto(f"{town.url}/segments")
    expect(page.get_by_role("row", name="Germans")).to_contain_text("4")
    look(page, "segments")


@pytest.fixture
def plain_page(chromium: PlaywrightBrowser) -> Iterator[Page]:
    """A page without JavaScript."""
    context = chromium.new_context(java_script_enabled=False, locale="en-GB")
    yield context.new_page()
    context.close()


def test_a_segment_is_built_without_javascript(plain_page: Page, town: Site) -> None:
    page = plain_page
    enter(page, town)
    page.goto(f"{town.url}/segments/new")
    page.get_by_label("Name").fill("Not Finland")
    page.get_by_role("button", name="+ Group").click()
    page.get_by_role("button", name="Remove condition 1").first.click()
    page.get_by_label("What it is about").select_option(label="Country")
    page.get_by_role("button", name="Update").click()
    page.get_by_label("How it compares").select_option(label="is not")
    page.get_by_label("Value", exact=True).fill("Finland")
    page.get_by_role("button", name="Update").click()
    expect(page.locator("#segment-count")).to_contain_text("4 contacts match")
    page.get_by_role("button", name="Save segment").click()
    page.wait_for_url("**/segments/seg_*")
    with read_session() as session:
        saved = session.scalars(select(Segment)).one()
    rule = {"field": "attributes.country", "operator": "is_not", "value": "Finland"}
    assert saved.rules == {"match": "all", "rules": [{"match": "any", "rules": [rule]}]}
