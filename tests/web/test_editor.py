"""The code editor in a browser: in step with its textarea, helpful, and never a trap for the keyboard."""

import re

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update

from campaigns import clock
from campaigns.accounts.users import ensure_first_owner
from campaigns.db import transaction
from campaigns.ids import encode_id
from campaigns.models.installation import Installation
from tests.builders import make_campaign, make_list, make_sender
from tests.web.axe import find_violations
from tests.web.conftest import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def content_url(site: Site) -> str:
    with transaction() as session:
        session.execute(update(Installation).values(organisation="Fern & Field", set_up_at=clock.now()))
        ensure_first_owner(session, now=clock.now())
        sender = make_sender(session)
        campaign = make_campaign(session, mailing_list=make_list(session, sender=sender), sender=sender)
        return f"{site.url}/campaigns/{encode_id('campaign', campaign.id)}/content"


def open_editor(page: Page, site: Site, url: str) -> None:
    page.goto(site.make_link())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.url}/")
    page.goto(url)
    page.locator(".cm-content").wait_for()


def test_what_is_typed_stands_in_the_textarea(page: Page, site: Site, content_url: str) -> None:
    open_editor(page, site, content_url)
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("<!-- new -->")
    assert page.locator("#body").input_value().startswith("<!-- new -->")
    assert not page.locator("#body").is_visible()


def test_merge_tags_are_offered_and_closed(page: Page, site: Site, content_url: str) -> None:
    open_editor(page, site, content_url)
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.type("Hello {{ contact.giv")
    page.locator(".cm-tooltip-autocomplete").get_by_text("contact.given_name").wait_for()
    page.wait_for_timeout(150)  # CodeMirror ignores keys for 75 ms, so that a late list is not accepted by accident
    page.keyboard.press("Enter")
    assert page.locator("#body").input_value() == "Hello {{ contact.given_name }}"


def test_problems_are_marked_and_lead_to_their_line(page: Page, site: Site, content_url: str) -> None:
    open_editor(page, site, content_url)
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("<mj-nonsense>")
    expect(page.locator(".cm-lint-marker-error").first).to_be_visible()
    problem = page.locator("#problems button").first
    expect(problem).to_contain_text("1:")
    problem.click()
    assert page.evaluate("document.activeElement.classList.contains('cm-content')")


def test_escape_and_then_tab_leaves_the_editor(page: Page, site: Site, content_url: str) -> None:
    open_editor(page, site, content_url)
    page.locator(".cm-content").click()
    inside = "document.activeElement.closest('.code-editor') !== null"
    page.keyboard.press("Tab")
    assert page.evaluate(inside)
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert not page.evaluate(inside)


def test_the_editor_is_accessible_in_both_themes(page: Page, site: Site, content_url: str) -> None:
    open_editor(page, site, content_url)
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.dataset.bsTheme = theme", theme)
        assert find_violations(page) == [], theme


def test_without_javascript_the_textarea_is_the_editor(
    site: Site, content_url: str, request: pytest.FixtureRequest
) -> None:
    context = request.getfixturevalue("chromium").new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.make_link())
    page.get_by_role("button", name="Sign in").click()
    page.goto(content_url)
    assert page.locator("textarea#body").is_visible()
    context.close()


def test_quick_typing_over_slow_saves_never_meets_somebody_else(page: Page, site: Site, content_url: str) -> None:
    def answer_slowly(route: Route) -> None:
        answer = route.fetch()
        page.wait_for_timeout(600)
        route.fulfill(response=answer)

    open_editor(page, site, content_url)
    page.route("**/autosave", answer_slowly)
    subject = page.get_by_label("Subject")
    subject.press("End")
    for _ in range(4):
        page.keyboard.type("x")
        page.wait_for_timeout(1000)
    page.get_by_role("button", name="Save and preview").click()
    expect(subject).to_have_value(re.compile("x{4}$"))
    expect(page.get_by_role("alert")).to_have_count(0)
    subject.press("End")
    page.keyboard.type("!")
    page.get_by_role("link", name="Next: audience").click()
    page.wait_for_url("**/audience")
    page.goto(content_url)
    expect(subject).to_have_value(re.compile("x{4}!$"))
