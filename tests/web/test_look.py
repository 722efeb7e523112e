"""The shell in a browser: set-up to sign-out, axe in light and dark, and no sideways scrolling on a phone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.web.axe import find_violations
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
faults: list[str] = []

PAGES = ("/", "/settings/", "/settings/organisation", "/settings/senders", "/settings/senders/new", "/settings/users")
LAST_PAGES = ("/settings/tokens", "/settings/audit", "/nowhere")
PICTURES = os.environ.get("PICTURES")


def look(page: Page, name: str) -> None:
    """Check a page in both themes and on a phone; with PICTURES=folder in the environment keep what it looks like."""
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.dataset.bsTheme = theme", theme)
        faults.extend(f"{name}, {theme}: {line}" for line in find_violations(page))
        keep(page, f"{name}-{theme}")
    page.set_viewport_size({"width": 320, "height": 800})
    if page.evaluate("document.documentElement.scrollWidth") > 320:
        faults.append(f"{name} scrolls sideways on a phone")
    page.set_viewport_size({"width": 390, "height": 844})
    keep(page, f"{name}-phone")
    page.set_viewport_size({"width": 1360, "height": 900})


def keep(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def set_up(page: Page, site: Site) -> None:
    page.goto(site.make_link())
    look(page, "link")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/setup")
    look(page, "setup")
    page.get_by_role("button", name="Finish set-up").click()
    assert page.get_by_role("alert").get_by_role("listitem").count() == 6
    look(page, "setup-faults")
    page.get_by_label("Your email address").fill("ada@fernandfield.example")
    page.get_by_label("Password").fill("three quiet jobs")
    page.get_by_label("Company or organisation").fill("Fern & Field")
    page.get_by_label("Postal address").fill("1 Garden Lane\nSpringfield")
    page.get_by_label("From name").fill("Fern & Field")
    page.get_by_label("From address").fill("news@fernandfield.example")
    page.get_by_role("button", name="Finish set-up").click()
    page.wait_for_url(f"{site.url}/")


@pytest.fixture(autouse=True)
def collected_faults() -> Iterator[None]:
    """All faults of all pages are told at once, at the end."""
    faults.clear()
    yield
    assert faults == []


def test_set_up_settings_and_signing_in_by_password(page: Page, site: Site) -> None:
    set_up(page, site)
    for path in (*PAGES, *LAST_PAGES):
        page.goto(site.url + path)
        look(page, path.strip("/").replace("/", "-") or "overview")
    page.goto(f"{site.url}/settings/tokens")
    page.get_by_label("Name").fill("Shop")
    page.get_by_role("button", name="Make token").click()
    assert page.locator("#made-token").inner_text().startswith("tid_")
    look(page, "token-made")
    page.get_by_role("button", name="Revoke").first.click()
    look(page, "token-revoke")
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    page.get_by_text("The token is revoked.").wait_for()
    page.get_by_role("button", name="Sign out").first.click()
    look(page, "sign-in")
    page.get_by_label("Email address").fill("ada@fernandfield.example")
    page.get_by_label("Password").fill("three quiet jobs")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.url}/")


def test_the_theme_is_kept_without_reloading(page: Page, site: Site) -> None:
    set_up(page, site)
    page.get_by_role("button", name="Dark").first.click()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.wait_for_load_state("networkidle")
    page.reload()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_htmx_sends_the_csrf_token_by_itself(page: Page, site: Site) -> None:
    """htmx 4 inherits nothing unless told, so a header on the body would silently not be sent."""
    set_up(page, site)
    page.evaluate(
        """() => {
          const button = document.createElement("button");
          button.id = "probe";
          button.setAttribute("hx-post", "/theme");
          button.setAttribute("hx-swap", "none");
          document.querySelector("main").append(button);
          htmx.process(button);
        }"""
    )
    with page.expect_response("**/theme") as answered:
        page.locator("#probe").click()
    assert answered.value.status == 303
