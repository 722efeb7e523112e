"""The whole circle by the API alone: a list in, a tracked campaign out, a score moving, the next segment changing."""

import csv
import io
import re
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from tests.cli.launcher import Launcher
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.journey

PEOPLE = 120
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
APPLE = {"User-Agent": "Mozilla/5.0"}
WAIT_SECONDS = 60.0
BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Hello {{ contact.given_name | default("friend") }},
<a href="https://shop.example/garden?a=1&amp;b=2">the garden</a>
and <a href="https://shop.example/kitchen">the kitchen</a></mj-text>
<mj-text>{{ sender.company }}, {{ sender.postal_address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""


def make_file() -> bytes:
    """A list of 120 people in two languages, with rows that cannot be taken."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["E-mail", "First name", "Last name", "Language", "Consent source"])
    for number in range(PEOPLE):
        language, name = ("tr", "Şule") if number % 3 == 0 else ("de", "Jörg")
        rows.writerow([f" Person{number}@Kunde.EXAMPLE ", name, "=cmd()", language, "web form"])
    rows.writerow(["no-at.example", "Nobody", "", "de", "web form"])
    rows.writerow(["", "Nobody", "", "de", "web form"])
    rows.writerow(["PERSON1@kunde.example", "Jörg", "=cmd()", "de", "web form"])
    return text.getvalue().encode("utf-8-sig")


class Driver:
    """A script outside the product."""

    def __init__(self, launcher: Launcher, token: str) -> None:
        self.base = f"http://127.0.0.1:{launcher.port}"
        headers = {"Authorization": f"Bearer {token}"}
        self.client = httpx.Client(base_url=f"{self.base}/api/v1", headers=headers, timeout=60)

    def get(self, path: str, **query: str) -> Any:
        return self._read(self.client.get(path, params=query))

    def post(self, path: str, **body: Any) -> Any:
        return self._read(self.client.post(path, json=body))

    def import_file(self, list_id: str) -> Any:
        files = {"file": ("people.csv", make_file(), "text/csv")}
        made = self._read(self.client.post("/imports", files=files, data={"list": list_id}))
        path = f"/imports/{made['id']}"
        return self.wait(lambda: self.get(path), lambda shown: shown["state"] in ("done", "failed"))

    def wait(self, look: Callable[[], Any], is_there: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_there(seen := look()):
            assert time.monotonic() < deadline, f"Still waiting: {seen}"
            time.sleep(0.1)
        return seen

    def send(self, campaign: Any) -> Any:
        self.post(f"/campaigns/{campaign['id']}/start")
        path = f"/campaigns/{campaign['id']}/progress"
        return self.wait(lambda: self.get(path), lambda shown: shown["state"] == "sent")

    @staticmethod
    def _read(answer: httpx.Response) -> Any:
        assert answer.status_code < 400, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def sink() -> Iterator[SmtpSink]:
    server = SmtpSink().start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def driver(sink: SmtpSink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    home: Path = tmp_path_factory.mktemp("circle") / "home"
    launcher = Launcher(home, TIDINGS_SMTP_URL=sink.url, TIDINGS_SETTLE_SECONDS="2")
    launcher.start()
    try:
        made = launcher.run("tokens", "create", "driver", "--role", "owner")
        yield Driver(launcher, made.stdout.strip().splitlines()[-1])
    finally:
        launcher.stop()


def read_mail(raw: bytes) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(raw, policy=policy.default))


def html_of(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def test_a_driver_walks_the_circle_by_the_api_alone(driver: Driver, sink: SmtpSink) -> None:
    sender = driver.post(
        "/senders",
        from_name="Fern & Field",
        from_email="news@fern.example",
        company="Fern Ltd",
        postal_address="1 Lane",
    )
    letters = driver.post("/lists", name="Letters", sender=sender["id"])

    # a list in
    first = driver.import_file(letters["id"])
    counted = {name: first[name] for name in ("rows", "created", "rejected", "duplicates", "subscribed")}
    assert counted == {"rows": 123, "created": 120, "rejected": 2, "duplicates": 1, "subscribed": 120}
    again = driver.import_file(letters["id"])
    assert (again["created"], again["updated"], again["subscribed"]) == (0, 0, 0)

    # a segment
    turkish = {"field": "language", "operator": "is_any_of", "value": ["tr"]}
    segment = driver.post("/segments", name="Turkish", rules={"match": "all", "rules": [turkish]})
    assert driver.get(f"/segments/{segment['id']}/count")["count"] == PEOPLE // 3

    # a campaign out
    wanted = {"list": letters["id"], "sender": sender["id"], "segments": {"include": [segment["id"]]}}
    content = {"language": "en", "subject": "For {{ contact.given_name }}", "body": BODY}
    campaign = driver.post("/campaigns", name="First", content=content, **wanted)
    checked = driver.get(f"/campaigns/{campaign['id']}/preflight")
    assert checked["may_start"]
    assert checked["audience"] == {"matched": 40, "skipped": {}, "will_get": 40}
    progress = driver.send(campaign)
    assert (progress["candidates"], progress["sent"], progress["uncertain"]) == (40, 40, 0)
    assert len({mail.to for mail in sink.mails}) == len(sink.mails) == 40

    # opened and clicked by one person, fetched by one machine
    mail = read_mail(sink.mails[0].raw)
    assert mail["Subject"] == "For Şule"
    html = html_of(mail)
    target = re.search(r'href="(http://[^"]+/c/[^"]+)"', html)
    pictures = (re.findall(r"http://[^\"]+/o/[^\"]+\.gif", html_of(read_mail(each.raw))) for each in sink.mails[:2])
    pixels = [found[0] for found in pictures]
    assert target is not None
    assert httpx.get(pixels[0], headers=FIREFOX).status_code == 200
    assert httpx.get(target[1], headers=FIREFOX).headers["Location"] == "https://shop.example/garden?a=1&b=2"
    assert httpx.get(pixels[1], headers=APPLE).status_code == 200

    # the report: people and machines apart, settling first
    path = f"/campaigns/{campaign['id']}/report"
    driver.wait(lambda: driver.get(path), lambda shown: shown["opened"]["settling"] + shown["opened"]["people"] >= 1)
    report = driver.wait(
        lambda: driver.get(path), lambda shown: shown["clicked"]["people"] == 1 and shown["opened"]["machine_only"] == 1
    )
    assert report["opened"]["people"] == 1
    assert [link["people"] for link in report["links"]] == [1, 0]

    # a score moving, the next segment changing
    address = mail["To"].addresses[0].addr_spec
    reader = driver.get("/contacts", email=address)["items"][0]
    rules = {"match": "all", "rules": [{"field": "engagement", "operator": "at_least", "value": 20}]}
    found = driver.wait(lambda: driver.post("/segments/count", rules=rules), lambda shown: shown["count"] == 1)
    assert [person["id"] for person in found["sample"]] == [reader["id"]]
    told = driver.get(f"/contacts/{reader['id']}/engagement")
    assert (told["score"], {entry["kind"] for entry in told["entries"]}) == (24, {"open", "click"})

    # one click unsubscribes, and the next campaign says so
    one_click = re.search(r"<(http[^>]+)>", mail["List-Unsubscribe"])
    assert one_click is not None
    assert httpx.get(one_click[1]).status_code == 200
    assert driver.get(f"/contacts/{reader['id']}")["memberships"][0]["state"] == "confirmed"
    assert httpx.post(one_click[1], data={"List-Unsubscribe": "One-Click"}).status_code == 200
    second = driver.post("/campaigns", name="Second", content=content, **wanted)
    audience = driver.get(f"/campaigns/{second['id']}/preflight")["audience"]
    assert audience == {"matched": 40, "skipped": {"unsubscribed": 1}, "will_get": 39}
    driver.send(second)
    skipped = driver.get(f"/campaigns/{second['id']}/messages", state="skipped")["items"]
    assert [(message["contact"], message["reason"]) for message in skipped] == [(reader["id"], "unsubscribed")]
    assert len(sink.mails) == 79
