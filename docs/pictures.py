"""Makes docs/report.png from the running application: `make picture`.

Starts an installation of its own with made-up people, sends a campaign into the local inbox, lets some of them open
and click over HTTP, and spreads these visits over the two days that the report draws.
"""

import csv
import io
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import httpx
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import Connection, text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.cli.launcher import Launcher  # noqa: E402 -- the tests are no installed package

PICTURE = ROOT / "docs" / "report.png"
MOST_BYTES = 200_000
PEOPLE = 1240
AGO = timedelta(hours=44)
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
APPLE = {"User-Agent": "Mozilla/5.0"}
GIVEN = ("Ada", "Jörg", "Şule", "Luísa", "Väinö", "Zoë", "Seán", "Ines", "Mateo", "Käthe", "Emine", "Aino")
FAMILY = ("Nightingale", "Weber", "Yılmaz", "Gonçalves", "Mäkinen", "de Vries", "Byrne", "Rossi", "Okafor", "Lindqvist")
ANSWERS = {
    "Your email address": "ann@fern.example",
    "Password": "three quiet jobs",
    "Company or organisation": "Fern & Field Ltd",
    "Postal address": "1 Garden Lane\nSpringfield",
    "From name": "Fern & Field",
    "From address": "news@fern.example",
    "Name of the first list": "Garden letters",
}


def main() -> None:
    """Make the picture, and end with an error when it is too large for a page."""
    with tempfile.TemporaryDirectory(prefix="tidings-picture-") as folder, sync_playwright() as playwright:
        launcher = Launcher(Path(folder) / "home", TIDINGS_SETTLE_SECONDS="2")
        launcher.start()
        try:
            installed = {"executable_path": "/usr/bin/chromium"} if Path("/usr/bin/chromium").exists() else {}
            browser = playwright.chromium.launch(args=["--no-sandbox"], **cast(dict[str, Any], installed))
            page = browser.new_page(
                viewport={"width": 1360, "height": 900}, locale="en-GB", timezone_id="Europe/London"
            )
            set_up(page, launcher)
            campaign = send_campaign(Api(launcher))
            visit(launcher)
            spread_visits(launcher, campaign)
            page.goto(f"http://127.0.0.1:{launcher.port}/campaigns/{campaign}")
            page.set_viewport_size({"width": 1360, "height": page.evaluate("document.documentElement.scrollHeight")})
            page.screenshot(path=PICTURE)
            browser.close()
        finally:
            launcher.stop()
    size = PICTURE.stat().st_size
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: {size:,} bytes\n")
    sys.exit(size > MOST_BYTES)


class Api:
    """The API of the installation, as an owner."""

    def __init__(self, launcher: Launcher) -> None:
        token = launcher.run("tokens", "create", "pictures", "--role", "owner").stdout.split()[-1]
        base = f"http://127.0.0.1:{launcher.port}/api/v1"
        self.client = httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def call(self, method: str, path: str, **body: Any) -> Any:
        answer = self.client.request(method, path, **body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def first(self, path: str) -> Any:
        return self.call("GET", path)["items"][0]


def wait_for(look: Callable[[], bool], seconds: float = 120.0) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError("The installation took too long.")
        time.sleep(0.2)


def set_up(page: Page, launcher: Launcher) -> None:
    """Sign in by the first owner's link and answer the questions of the set-up."""
    link = re.search(r"http\S+", launcher.run("users", "link", "owner@localhost").stdout)
    if link is None:
        raise RuntimeError("There is no sign-in link.")
    page.goto(link[0])
    page.get_by_role("button", name="Sign in").click()
    for label, answer in ANSWERS.items():
        page.get_by_label(label).fill(answer)
    page.get_by_role("button", name="Finish set-up").click()
    page.wait_for_url(f"http://127.0.0.1:{launcher.port}/")


def send_campaign(api: Api) -> str:
    """Import the people, take a few of them out again for various reasons, send to the rest; return the public id."""
    letters, sender = api.first("/lists")["id"], api.first("/senders")["id"]
    files = {"file": ("people.csv", write_people(), "text/csv")}
    imported = api.call("POST", "/imports", files=files, data={"list": letters})["id"]
    wait_for(lambda: api.call("GET", f"/imports/{imported}")["state"] == "done")
    people = api.call("GET", "/contacts", params={"limit": 40})["items"]
    for person in people[:19]:
        api.call("DELETE", f"/lists/{letters}/members/{person['id']}")
    for person in people[19:26]:
        api.call("POST", "/suppressions", json={"email": person["email"], "reason": "manual"})
    made = api.call("POST", "/campaigns", json={"name": "Spring sowing letter", "list": letters, "sender": sender})
    api.call("POST", f"/campaigns/{made['id']}/start")
    wait_for(lambda: api.call("GET", f"/campaigns/{made['id']}")["state"] == "sent")
    return str(made["id"])


def write_people() -> bytes:
    """A file of made-up people at addresses that can never exist."""
    rows = io.StringIO()
    sheet = csv.writer(rows)
    sheet.writerow(["E-mail", "First name", "Last name", "Language", "Consent source"])
    for number in range(PEOPLE):
        given, family = GIVEN[number % len(GIVEN)], FAMILY[number % len(FAMILY)]
        sheet.writerow([f"reader{number}@mail.example", given, family, "en", "web shop"])
    return rows.getvalue().encode()


def visit(launcher: Launcher) -> None:
    """Two in five open, one in eight clicks, one in twenty has a program fetch the pictures, a few leave."""
    chance = random.Random(7)  # noqa: S311 -- a picture, no secret
    with httpx.Client(timeout=30) as client:
        for mail in read_inbox(launcher):
            body = mail.get_body(("html",))
            page = str(body.get_content()) if body else ""
            pixel, *_ = re.findall(r'http://[^"]+/o/[^"]+\.gif', page)
            links = re.findall(r'href="(http://[^"]+/c/[^"]+)"', page)
            luck = chance.random()
            if luck < 0.41:
                client.get(pixel, headers=FIREFOX)
            elif luck < 0.46:
                client.get(pixel, headers=APPLE)
            if luck < 0.13:
                client.get(chance.choices(links, range(len(links), 0, -1))[0], headers=FIREFOX)
            if luck < 0.004:
                leave = re.search(r"<(http[^>]+)>", mail["List-Unsubscribe"])
                client.post(leave[1] if leave else "", data={"List-Unsubscribe": "One-Click"})


def read_inbox(launcher: Launcher) -> list[EmailMessage]:
    from campaigns.delivery import inbox
    from campaigns.settings import get_settings

    os.environ.update(launcher.environment)
    get_settings.cache_clear()
    settings = get_settings()
    numbers = [mail.id for mail in inbox.list_mails(settings, limit=PEOPLE)]
    raw = (inbox.get_mail(settings, number).raw for number in numbers)
    return [message_from_bytes(each, policy=policy.default) for each in raw]


def spread_visits(launcher: Launcher, campaign: str) -> None:
    """Move the campaign back two days, and each visit to a time at which people read their mail."""
    from campaigns.db import make_engine
    from campaigns.ids import decode_id
    from campaigns.settings import get_settings

    chance = random.Random(11)  # noqa: S311 -- a picture, no secret
    number = decode_id("campaign", campaign)
    with make_engine(get_settings().effective_database_url).connect() as connection:
        wait_for(lambda: is_settled(connection))
        moved = "started_at = started_at - :ago, frozen_at = frozen_at - :ago, finished_at = finished_at - :ago"
        connection.execute(text(f"UPDATE campaign SET {moved} WHERE id = :id"), {"ago": AGO, "id": number})  # noqa: S608
        opened = text(
            "SELECT seq, clicked_at IS NOT NULL FROM message WHERE campaign_id = :id AND opened_at IS NOT NULL"
        )
        write = text(
            "UPDATE message SET opened_at = c.started_at + :opened,"
            " clicked_at = CASE WHEN clicked_at IS NULL THEN NULL ELSE c.started_at + :clicked END"
            " FROM campaign c WHERE c.id = campaign_id AND campaign_id = :id AND seq = :seq"
        )
        for seq, _ in connection.execute(opened, {"id": number}).all():
            after = timedelta(hours=min(chance.expovariate(1 / 7), 43))
            later = after + timedelta(minutes=chance.random() * 20)
            connection.execute(write, {"id": number, "seq": seq, "opened": after, "clicked": later})
        connection.commit()


def is_settled(connection: Connection) -> bool:
    """Say whether every visit has its final verdict."""
    waiting = connection.execute(text("SELECT count(*) FROM event WHERE settled_at IS NULL")).scalar_one()
    connection.rollback()
    return bool(waiting == 0)


if __name__ == "__main__":
    main()
