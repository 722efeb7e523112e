"""The circle as a marketer walks it: set-up, import, segment, campaign, inbox, report, score, unsubscribe.

One journey in headless Chromium over everything that `tidings up` starts, with axe on every page.
"""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect
from playwright.sync_api import Error as PlaywrightError

from tests.cli.launcher import Launcher
from tests.web.axe import find_violations
from web.static_files import DIST

pytestmark = [pytest.mark.journey, pytest.mark.browser]

PEOPLE = [("Şule", "tr"), ("怡君", "zh-TW"), ("Jörg", "de"), ("=cmd()", "tr")] * 6
PATIENCE_MS = 30_000


def make_file() -> bytes:
    rows = [f"reader{number}@kunde.example,{name},{language}" for number, (name, language) in enumerate(PEOPLE)]
    return "\r\n".join(["E-mail,First name,Language", *rows, "no-at.example,Nobody,de"]).encode("utf-8-sig")


class Marketer:
    """Walks the pages and looks at each with axe."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.faults: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)

    def go(self, path: str) -> None:
        self.page.goto(self.base + path)
        self.look()

    def look(self) -> None:
        where = self.page.url.removeprefix(self.base)
        try:
            found = find_violations(self.page)
        except PlaywrightError:  # a live page loaded itself anew meanwhile: its state had changed
            self.page.wait_for_load_state()
            found = find_violations(self.page)
        self.faults.extend(f"{where}: {line}" for line in found)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def confirm(self, name: str) -> None:
        self.page.get_by_role("dialog").get_by_role("button", name=name).click()


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    if not (DIST / "manifest.json").is_file():
        pytest.skip("the assets are not built: `make test` builds them")
    started = Launcher(tmp_path_factory.mktemp("browser") / "home", TIDINGS_SETTLE_SECONDS="60")
    started.start()
    yield started
    started.stop()


@pytest.fixture
def marketer(chromium: Browser, launcher: Launcher) -> Iterator[Marketer]:
    context = chromium.new_context(
        viewport={"width": 1360, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin", bypass_csp=True
    )
    walking = Marketer(context.new_page(), f"http://127.0.0.1:{launcher.port}")
    yield walking
    walking.page.screenshot(path=launcher.home.with_name("last-page.png"), full_page=True)
    context.close()


def sign_in_and_set_up(marketer: Marketer, launcher: Launcher) -> None:
    link = re.search(r"http\S+", launcher.run("users", "link", "owner@localhost").stdout)
    assert link is not None
    page = marketer.page
    page.goto(link[0])
    marketer.look()
    marketer.press("Sign in")
    page.wait_for_url("**/setup")
    marketer.look()
    for label, text in {
        "Your email address": "ann@fern.example",
        "Password": "three quiet jobs",
        "Company or organisation": "Fern & Field Ltd",
        "Postal address": "1 Garden Lane\nSpringfield",
        "From name": "Fern & Field",
        "From address": "news@fern.example",
        "Name of the first list": "Letters",
    }.items():
        page.get_by_label(label).fill(text)
    marketer.press("Finish set-up")
    page.wait_for_url(f"{marketer.base}/")
    marketer.look()


def import_people(marketer: Marketer) -> None:
    page = marketer.page
    marketer.go("/imports/new")
    page.set_input_files("input[type=file]", {"name": "p.csv", "mimeType": "text/csv", "buffer": make_file()})
    page.locator("main form").get_by_role("button").last.click()
    page.wait_for_url("**/imports/imp_*")
    marketer.look()
    page.get_by_label("Where these people agreed to get mail").fill("trade fair")
    marketer.press("Start the import")
    expect(page.get_by_text("Done", exact=True)).to_be_visible()
    marketer.look()
    expect(page.locator("main")).to_contain_text(re.compile(r"New contacts\s*24"))
    expect(page.locator("main")).to_contain_text("The address has no @")
    marketer.go("/contacts")


def build_segment(marketer: Marketer, name: str, field: str, value: str, count: int) -> None:
    page = marketer.page
    marketer.go("/segments/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("What it is about").select_option(label=field)
    page.locator(".rule input[type=number], .rule input[type=text]").first.fill(value)
    expect(page.locator("main")).to_contain_text(re.compile(rf"(^|\s){count}\s*(contact|person|people)"))
    marketer.look()
    marketer.press("Save segment")
    page.wait_for_url("**/segments/seg_*")
    marketer.look()


def write_campaign(marketer: Marketer, name: str, segment: str) -> str:
    page = marketer.page
    marketer.go("/campaigns/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.locator("main form").get_by_role("button").last.click()
    page.wait_for_url("**/content")
    page.get_by_label("Subject").fill('{{ contact.given_name | default("Hello") }}, three jobs')
    marketer.press("Save and preview")
    expect(page.locator("main")).to_contain_text(", three jobs")
    marketer.look()
    found = re.search(r"cmp_\w+", page.url)
    assert found is not None
    campaign = found[0]
    marketer.go(f"/campaigns/{campaign}/audience")
    page.get_by_role("group", name=segment).get_by_text("Take in").click()
    marketer.press("Save and count")
    marketer.look()
    return f"/campaigns/{campaign}"


def send(marketer: Marketer, campaign: str) -> None:
    marketer.go(f"{campaign}/review")
    marketer.press("Send now")
    marketer.look()
    marketer.confirm("Yes, send it now")
    expect(marketer.page.get_by_text("Sent", exact=True).first).to_be_visible()
    marketer.page.reload()
    marketer.look()


def read_in_inbox(marketer: Marketer) -> FrameLocator:
    page = marketer.page
    marketer.go("/inbox")
    page.locator("main table a").first.click()
    page.wait_for_load_state()
    marketer.look()
    return page.frame_locator("iframe")


def test_a_marketer_walks_the_circle(marketer: Marketer, launcher: Launcher) -> None:
    page = marketer.page
    sign_in_and_set_up(marketer, launcher)
    import_people(marketer)
    build_segment(marketer, "Turkish", "Language", "tr", 12)
    campaign = write_campaign(marketer, "Autumn letter", "Turkish")
    send(marketer, campaign)

    # read and clicked in the local inbox: judged at once, the report says one person
    mail = read_in_inbox(marketer)
    reader = re.search(r"reader\d+@kunde\.example", page.locator("main").inner_text())
    assert reader is not None
    with page.context.expect_page() as opened:
        mail.get_by_role("link", name="See what is new").click()
    opened.value.close()
    started = time.monotonic()
    page.goto(marketer.base + campaign)
    while not re.search(r"Clicked\s+[\d.]+\s%\s*1\b", page.locator("main").inner_text()):
        assert time.monotonic() - started < 60, page.locator("main").inner_text()
        time.sleep(0.5)
        page.reload()
    marketer.look()

    # the contact's page explains the score; the next segment has this one person
    marketer.go(f"/contacts?q={reader[0]}")
    page.locator("main table a").first.click()
    expect(page.locator("main")).to_contain_text(re.compile(r"24\s*of 100"))
    marketer.look()
    build_segment(marketer, "Warm", "Engagement score", "20", 1)

    # the link at the foot of the mail unsubscribes with one tap, and Undo brings back
    mail = read_in_inbox(marketer)
    page.goto(marketer.base + "/inbox")
    page.get_by_role("link", name=re.compile("three jobs")).first.click()
    with page.context.expect_page() as opened:
        page.frame_locator("iframe").get_by_role("link", name=re.compile("Unsubscribe")).click()
    leaving = opened.value
    leaving.wait_for_load_state()
    leaving.get_by_role("button", name=re.compile("Unsubscribe")).click()
    expect(leaving.get_by_role("status")).to_be_visible()
    expect(leaving.get_by_role("button", name=re.compile("Undo", re.IGNORECASE))).to_be_visible()
    leaving.close()
    second = write_campaign(marketer, "Second letter", "Turkish")
    marketer.go(f"{second}/review")
    expect(page.locator("main")).to_contain_text(re.compile(r"Unsubscribed from this list\s*−\s*1\b"))

    for path in (
        "/campaigns",
        "/segments",
        "/lists",
        "/imports",
        "/settings",
        f"{campaign}/messages",
        "/suppressions/",
    ):
        marketer.go(path)
    assert not marketer.faults, "\n".join(marketer.faults)
