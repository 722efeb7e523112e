"""Kill everything that `tidings up` starts, one after the other, in the middle of one campaign; and copy its folder.

From outside: by the API, the process list and the mail server's own account. ``test_kills.py`` looks at each of
these deaths alone.
"""

import csv
import io
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from campaigns.settings import Settings
from tests.cli.launcher import Launcher
from tests.journeys.engine_room import children_of
from tests.journeys.test_circle_by_api import BODY, Driver
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.journey

PEOPLE = 600
WINDOW, SEND_WORKERS = 8, 2
SETTINGS = {
    "TIDINGS_LEASE_SECONDS": "2",
    "TIDINGS_TICK_SECONDS": "0.3",
    "TIDINGS_BATCH_SIZE": "100",
    "TIDINGS_WINDOW_SIZE": str(WINDOW),
    "TIDINGS_SEND_WORKERS": str(SEND_WORKERS),
}


class House:
    """An installation that a driver outside uses while somebody kills its processes."""

    def __init__(self, folder: Path) -> None:
        self.sink = SmtpSink(delay_seconds=0.03).start()
        self.launcher = Launcher(folder / "home", TIDINGS_SMTP_URL=self.sink.url)
        self.launcher.environment |= SETTINGS
        self.path = ""

    def open(self) -> None:
        self.launcher.start()
        made = self.launcher.run("tokens", "create", "driver", "--role", "owner")
        self.driver = Driver(self.launcher, made.stdout.strip().splitlines()[-1])

    def close(self) -> None:
        process = self.launcher.process
        if process is not None and process.poll() is None:
            self.launcher.stop()
        self.sink.stop()

    def part(self, name: str) -> int:
        """Return the process of a part as the launcher noted it."""
        noted = json.loads((Settings(home=self.launcher.home).run_path / "children.json").read_text())
        return int(noted[name]["pid"])

    def kill(self, name: str) -> None:
        os.kill(self.part(name), signal.SIGKILL)

    def horse(self, name: str) -> int:
        self.wait(lambda: children_of(self.part(name)))
        return children_of(self.part(name))[0]

    def wait(self, is_there: Callable[[], Any], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not is_there():
            assert time.monotonic() < deadline, f"{len(self.sink.mails)} accepted.\n{self.launcher.said()[-3000:]}"
            time.sleep(0.05)

    def wait_until_accepted(self, people: int) -> None:
        self.wait(lambda: len(self.sink.mails) >= people)

    def wait_for_state(self, state: str) -> Any:
        self.wait(lambda: self.progress()["state"] == state, seconds=60)
        return self.progress()

    def progress(self) -> Any:
        try:
            return self.driver.get(f"{self.path}/progress")
        except httpx.TransportError:
            return {"state": "unreachable"}

    def set_up(self) -> None:
        sender = self.driver.post(
            "/senders", from_name="Fern", from_email="news@fern.example", company="Fern Ltd", postal_address="1 Lane"
        )["id"]
        letters = self.driver.post("/lists", name="Letters", sender=sender)["id"]
        files = {"file": ("people.csv", make_file(), "text/csv")}
        made = self.driver.client.post("/imports", files=files, data={"list": letters}).json()
        self.wait(lambda: self.driver.get(f"/imports/{made['id']}")["state"] == "done")
        content = {"language": "en", "subject": "For {{ contact.given_name }}", "body": BODY}
        self.wanted = {"content": content, "list": letters, "sender": sender}

    def start_campaign(self, name: str) -> None:
        campaign = self.driver.post("/campaigns", name=name, **self.wanted)
        self.path = f"/campaigns/{campaign['id']}"
        self.driver.post(f"{self.path}/start")

    def states(self) -> dict[str, str]:
        """Return everybody's state by address, page by page."""
        found: dict[str, str] = {}
        query = {"limit": "500"}
        while True:
            page = self.driver.get(f"{self.path}/messages", **query)
            found |= {message["email"]: message["state"] for message in page["items"]}
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]


def make_file() -> bytes:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["E-mail", "First name", "Consent source"])
    rows.writerows([f"person{number}@kunde.example", "Ada", "web form"] for number in range(PEOPLE))
    return text.getvalue().encode()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    try:
        house.open()
        yield house
    finally:
        house.close()


def test_one_campaign_survives_every_death_in_turn(house: House) -> None:
    house.set_up()
    house.start_campaign("First")
    house.wait_until_accepted(60)
    house.kill("worker-send-1")

    house.wait_until_accepted(140)
    os.kill(house.horse("worker-send-2"), signal.SIGKILL)

    house.wait_until_accepted(220)
    house.kill("valkey")
    shutil.rmtree(next(path for path in house.launcher.home.glob("valkey-*") if path.is_dir()))

    house.wait_until_accepted(300)
    house.kill("scheduler")
    house.kill("web")

    house.wait_until_accepted(380)
    house.kill("postgres")

    house.wait_until_accepted(460)
    assert house.launcher.process is not None
    os.kill(house.launcher.process.pid, signal.SIGKILL)
    house.launcher.process.wait()
    house.launcher.start()

    progress = house.wait_for_state("sent")
    accepted, states = Counter(mail.to for mail in house.sink.mails), house.states()
    sent = {email for email, state in states.items() if state == "sent"}
    uncertain = {email for email, state in states.items() if state == "uncertain"}
    assert max(accepted.values()) == 1
    assert len(states) == progress["candidates"] == PEOPLE
    assert sent | uncertain == set(states)
    assert sent <= set(accepted) <= sent | uncertain
    assert (progress["sent"], progress["uncertain"]) == (len(sent), len(uncertain))
    # The horse left one window; PostgreSQL and the launcher took those of both workers with them.
    assert len(uncertain) <= WINDOW * (1 + 2 * SEND_WORKERS)

    # A copy of this folder would send whatever comes next a second time: it sends nothing.
    house.launcher.stop()
    mails = len(house.sink.mails)
    copy = house.launcher.home.with_name("copy")
    shutil.copytree(house.launcher.home, copy, ignore=shutil.ignore_patterns(".s.*", "*.sock"))
    house.launcher.home = copy
    house.launcher.environment["TIDINGS_HOME"] = str(copy)
    house.launcher.start()
    house.start_campaign("Second")
    house.wait(lambda: house.progress()["state"] == "sending")
    time.sleep(2)
    assert house.driver.get("/installation")["hold_reason"] == "database_moved"
    assert len(house.sink.mails) == mails
    assert house.driver.post("/installation/release")["held_at"] is None
    house.wait_until_accepted(mails + 20)
