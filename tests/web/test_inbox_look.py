"""The inbox in a browser: axe on each tab, and links that leave the sandbox marked."""

import pytest
from playwright.sync_api import Page
from sqlalchemy import update

from campaigns import clock
from campaigns.db import transaction
from campaigns.models.installation import Installation
from campaigns.signing import KeyRing
from tests.web.conftest import Site
from tests.web.test_inbox import PUBLIC, click_token, receive
from tests.web.test_look import look

pytestmark = pytest.mark.browser


def test_mails_are_read_and_their_links_open_outside_the_frame(page: Page, site: Site, key_ring: KeyRing) -> None:
    with transaction() as session:
        session.execute(update(Installation).values(set_up_at=clock.now(), organisation="Fern & Field"))
    html = '<html lang="en"><head><title>x</title></head><body><a href="{click}">three quiet jobs</a></body></html>'
    number = receive(key_ring, html=html)
    page.goto(site.make_link())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.url}/")
    page.goto(f"{site.url}/inbox")
    look(page, "inbox")
    page.get_by_role("link", name="Autumn").click()
    link = page.frame_locator("iframe").get_by_role("link", name="three quiet jobs")
    token = click_token(key_ring)
    page.context.route(f"{PUBLIC}/**", lambda route: route.fulfill(body="went there"))
    with page.expect_popup() as opened:
        link.click()
    assert opened.value.url == f"{PUBLIC}/c/{token}?i={key_ring.inbox_mark(token)}"
    look(page, "inbox-html")
    for tab in ("text", "headers", "raw"):
        page.goto(f"{site.url}/inbox/{number}?tab={tab}")
        look(page, f"inbox-{tab}")
