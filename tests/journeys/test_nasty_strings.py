"""People, lists, segments, senders and campaigns named by nasty strings: nothing breaks, nothing runs."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from campaigns import clock, lifecycle, preflight
from campaigns.accounts.senders import SenderFields, create_sender
from campaigns.accounts.sign_in import create_link
from campaigns.accounts.tokens import create_token
from campaigns.composing import drafts
from campaigns.contacts.attributes import create_attribute
from campaigns.contacts.imports import report
from campaigns.contacts.imports.run import run_import
from campaigns.contacts.imports.start import get_import
from campaigns.contacts.lists import ListFields, create_list
from campaigns.contacts.text import clean_line, clean_text
from campaigns.db import read_session, transaction
from campaigns.delivery.preview_campaign import preview_campaign
from campaigns.delivery.pump import Pump
from campaigns.delivery.smtp import open_transport
from campaigns.delivery.start_work import run_start
from campaigns.errors import InvalidInput
from campaigns.ids import decode_id, encode_id
from campaigns.models.contact import Contact
from campaigns.models.installation import Installation
from campaigns.models.mailing_list import MailingList
from campaigns.models.work import Work
from campaigns.segments.saved import create_segment
from campaigns.settings import get_settings
from campaigns.signing import KeyRing
from tests.builders import make_user
from tests.contacts.imports.files import counts, start_import
from tests.rendering.mail_rules import broken_rules
from tests.smtp_sink import SmtpSink
from tests.web.conftest import Browser
from web.app import create_app
from web.public.app import create_public_app

OURS = (
    "<script>alert(1)</script>",
    "{{7*7}}",
    '=cmd()|"/C calc"!A0',
    "\r\nBcc: all@victim.example\r\n\r\nBody",
    ".",
    "=3D=20",
)
PUBLIC_URL = "https://mail.fernandfield.example"
HEADER = ("Email", "First name", "Last name", "Greeting", "Motto")
UNSEEN = re.compile("[\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Given: {{ contact.given_name | default("x") }}; family: {{ contact.family_name | default("x") }};
full: {{ contact.full_name | default("x") }}; greeting: {{ contact.greeting | default("x") }};
motto: {{ contact.attributes.motto | default("x") }}; campaign: {{ campaign.name }}.
<a href="https://shop.example/?q={{ contact.given_name | default("x") }}">A link</a>
<a href="{{ links.view }}">View</a> <a href="{{ links.unsubscribe }}">Unsubscribe</a></mj-text>
<mj-image src="https://shop.example/a.png" alt="{{ contact.attributes.motto | default("x") }}" />
<mj-text>{{ sender.company }}, {{ sender.postal_address }}, {{ list.name }}</mj-text>
</mj-column></mj-section></mj-body></mjml>"""

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def strings(shared_data: Path) -> list[str]:
    path = shared_data / "corpora" / "naughty-strings.json"
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    return [*OURS, *filter(None, json.loads(path.read_text()))]


class PageReader(HTMLParser):
    """Reads a page's words, and what in it could run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.active: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.words += [found[name] for name in ("alt", "value", "title") if name in found]
        is_data = found.get("type") == "application/json"
        if tag == "script" and not is_data and not found.get("src", "").startswith("/static/"):
            self.active.append("script")
        if tag in ("object", "embed", "applet", "base", "marquee", "frameset", "math"):
            self.active.append(tag)
        self.active += [name for name in found if name.startswith("on") or name == "srcdoc"]
        self.active += [
            value
            for name in ("href", "src", "action", "formaction", "xlink:href", "data")
            if re.match(r"[\s\x00-\x20]*(javascript|vbscript|data:text)", value := found.get(name, ""), re.IGNORECASE)
        ]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def squeeze(words: str) -> str:
    """Only what is seen: white space, control and directional characters may change on the way."""
    shown = UNSEEN.sub("", words)
    return "".join(sign for sign in shown if not sign.isspace() and unicodedata.category(sign) not in ("Cc", "Cs"))


def runs_nothing(page: str) -> bool:
    return PageReader(page).active == []


@dataclass
class World:
    """An installation with an owner, a list, a sender and a text attribute."""

    browser: Browser
    api: FlaskClient
    token: str
    key_ring: KeyRing
    list_id: int
    sender_id: int

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body)
        return self.api.open(f"/api/v1{path}", method=method, headers=headers, data=data)

    def pump(self) -> None:
        with read_session() as session:
            numbers = session.scalars(select(Work.id).where(Work.kind == "start_campaign")).all()
        for number in numbers:
            run_start(number)
        settings = get_settings()
        Pump(settings=settings, key_ring=self.key_ring, transport=open_transport(settings)).run()


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpSink]:
    server = SmtpSink().start()
    monkeypatch.setenv("TIDINGS_SMTP_URL", server.url)
    monkeypatch.setenv("TIDINGS_PUBLIC_URL", PUBLIC_URL)
    yield server
    server.stop()


@pytest.fixture
def world(sink: SmtpSink, committed_database: str, key_ring: KeyRing) -> World:
    get_settings.cache_clear()
    with transaction() as session:
        now = clock.now()
        session.get_one(Installation, 1).set_up_at = now
        link = create_link(session, user_id=make_user(session).id, now=now)
        _, token = create_token(session, name="driver", role="owner", now=now)
        fields = SenderFields("Fern <b>& Field", "news@fern.example", "{{7*7}} & <script>", "=1 Lane\n<script>alert(1)")
        sender_id = create_sender(session, fields=fields, now=now).id
        list_id = create_list(
            session, fields=ListFields(name='A "list" <img onerror=x>', sender_id=sender_id), now=now
        ).id
        create_attribute(session, label="Motto", kind="text", now=now)
    app = create_app(get_settings().model_copy(update={"public_url": None}), key_ring)  # cookies without https
    plain = app.test_client()
    app.test_client_class = Browser
    browser: Browser = app.test_client()  # type: ignore[assignment]
    assert browser.post(f"/sign-in/{link}").status_code == 303
    return World(browser, plain, token, key_ring, list_id, sender_id)


def write_file(strings: list[str]) -> str:
    """Everybody twice: once with an address that works, once with the string for an address."""
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(HEADER)
    for number, nasty in enumerate(strings):
        rows.writerow([f"n{number}@shop.example", nasty, nasty, nasty, nasty])
    for nasty in strings:
        rows.writerow([nasty, nasty, nasty, nasty, nasty])
    return file.getvalue()


def take_in(strings: list[str], world: World) -> int:
    with transaction() as session:
        mailing_list = session.get_one(MailingList, world.list_id)
        import_id, work_id = start_import(session, write_file(strings), mailing_list=mailing_list)
    run_import(work_id)
    with read_session() as session:
        found = counts(get_import(session, import_id=import_id))
    assert found["created"] >= len(strings), found
    return import_id


def pages(world: World, path: str) -> str:
    answer = world.browser.get(path)
    assert answer.status_code == 200, path
    assert runs_nothing(answer.text), (path, PageReader(answer.text).active)
    return answer.text


def is_formula(cell: str) -> bool:
    return cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not re.fullmatch(r"[+-]?\d+([.,]\d+)?", cell)


def test_a_file_of_nasty_strings_is_taken_in_shown_and_sent_to_everybody(
    strings: list[str], world: World, sink: SmtpSink
) -> None:
    import_id = take_in(strings, world)
    with read_session() as session:
        people = {row.email: row for row in session.scalars(select(Contact))}
        cells = list(csv.reader(io.StringIO("".join(report.rejections_csv(session, import_id=import_id)))))
    taken = [people[f"n{number}@shop.example"] for number in range(len(strings))]
    assert [person.given_name for person in taken] == [clean_line(nasty) for nasty in strings]
    assert [next(iter(person.attributes.values()), "") for person in taken] == [clean_text(nasty) for nasty in strings]
    assert [cell for row in cells for cell in row if is_formula(cell)] == []
    assert len(cells) > len(strings) // 2

    campaign_id = make_nasty_campaign(world)
    public = encode_id("campaign", campaign_id)
    with read_session() as session:
        checked = preflight.check(session, campaign_id=campaign_id, now=clock.now())
        for person in taken[::40]:
            made = preview_campaign(session, campaign_id=campaign_id, as_contact_id=person.id)
            assert squeeze(person.given_name) in squeeze(" ".join(PageReader(made.html).words))
            assert runs_nothing(made.html)
    assert [finding for finding in checked.findings if finding.severity == "must_fix"] == []
    for path in ("/content", "/audience", "/review"):
        pages(world, f"/campaigns/{public}{path}")
    with transaction() as session:
        lifecycle.start(session, campaign_id=campaign_id, now=clock.now())
    world.pump()

    mails = {mail.to: mail.raw for mail in sink.mails}
    assert len(mails) == len(sink.mails) == len(people)
    assert {address: broken for address, raw in mails.items() if (broken := broken_rules(raw))} == {}
    views = [check_mail(person, mails[person.email]) for person in taken]
    reader = create_public_app(get_settings(), world.key_ring).test_client()
    for view in views[::10]:
        answer = reader.get(view.removeprefix(PUBLIC_URL))
        assert answer.status_code == 200
        assert runs_nothing(answer.text)
        assert "sandbox" in answer.headers["Content-Security-Policy"]

    sent = world.browser.get(f"/campaigns/{public}/messages.csv").text
    assert [cell for row in csv.reader(io.StringIO(sent)) for cell in row if is_formula(cell)] == []
    for path in ("", "/messages"):
        pages(world, f"/campaigns/{public}{path}")
    for path in ("/", "/campaigns", "/contacts/", f"/imports/{encode_id('import', import_id)}", "/settings/audit"):
        pages(world, path)
    for person in taken[::8]:
        shown = pages(world, f"/contacts/{encode_id('contact', person.id)}")
        assert squeeze(person.given_name) in squeeze("".join(PageReader(shown).words))


def make_nasty_campaign(world: World) -> int:
    with transaction() as session:
        now = clock.now()
        campaign = drafts.create_campaign(
            session, name="{{7*7}} <script>alert(1)</script>", list_id=world.list_id, sender_id=world.sender_id, now=now
        )
        drafts.save_content(
            session,
            campaign_id=campaign.id,
            subject='Hi {{ contact.given_name | default("x") }}, {{ contact.attributes.motto | default("x") }}',
            preheader='{{ contact.family_name | default("x") }}',
            body_format="mjml",
            body=BODY,
            version=None,
            now=now,
        )
        return campaign.id


def check_mail(person: Contact, raw: bytes) -> str:
    """Hold a mail to what its person is called; return the address of its view in the browser."""
    mail = message_from_bytes(raw, policy=policy.default)
    motto = str(next(iter(person.attributes.values()), "x"))
    html, plain = (mail.get_body((kind,)) for kind in ("html", "plain"))
    assert html is not None
    assert plain is not None
    page, words = str(html.get_content()), str(plain.get_content())
    assert runs_nothing(page), PageReader(page).active
    for part in ("".join(PageReader(page).words), words):
        seen = squeeze(part)
        assert squeeze(f"Given: {person.given_name or 'x'}; family: {person.family_name or 'x'};") in seen
        assert squeeze(f"motto: {motto}; campaign: {{{{7*7}}}} <script>alert(1)</script>.") in seen
        assert squeeze("{{7*7}} & <script>, =1 Lane <script>alert(1)") in seen
    assert mail["From"].addresses[0].display_name == "Fern <b>& Field"
    assert squeeze(str(mail["Subject"])) == squeeze(f"Hi {person.given_name or 'x'}, {motto}")
    assert mail["To"].addresses[0].addr_spec == person.email
    assert mail["Bcc"] is None
    found = re.search(r"https://mail\.fernandfield\.example/v/[\w.~-]+", page)
    assert found is not None
    return found.group()


def test_the_api_returns_nasty_strings_or_refuses_them(strings: list[str], world: World) -> None:
    for number, nasty in enumerate(strings[::2]):
        body = {"given_name": nasty, "family_name": nasty, "greeting": nasty, "attributes": {"motto": nasty}}
        made = world.call("POST", "/contacts", {"email": f"api{number}@shop.example", **body})
        assert made.status_code == 201, made.text
        assert made.json["given_name"] == made.json["family_name"] == clean_line(nasty)
        assert made.json["attributes"].get("motto", "") == clean_text(nasty)
        if number % 5:
            continue
        assert world.call("POST", "/contacts", {"email": nasty}).status_code in (201, 422)
        for field in ("language", "time_zone"):
            answer = world.call("POST", "/contacts", {"email": f"api{number}@shop.example", field: nasty})
            assert answer.status_code in (201, 422)
        assert world.call("POST", "/segments/count", {"rules": rules_with(nasty)}).status_code == 200
    for unstorable in ("a\0b", "a\ud800b"):
        refused = world.call("POST", "/contacts", {"email": "nul@shop.example", "attributes": {"motto": unstorable}})
        assert refused.status_code == 422
        assert refused.json["field"] == "attributes.motto"


def rules_with(value: str) -> dict[str, Any]:
    return {"match": "all", "rules": [{"field": "given_name", "operator": "is", "value": value[:190] or "x"}]}


def test_everything_may_be_called_anything(strings: list[str], world: World) -> None:
    """Names of lists, segments, senders and campaigns, subjects and preheaders: kept and shown, or refused in words."""
    named, refused = name_everything(strings, world)
    assert len(named) > len(strings) * 0.95, refused
    with transaction() as session:
        for nasty in strings[::12]:
            subject = {"subject": nasty, "preheader": nasty, "body_format": "text", "body": nasty}
            campaign_id = decode_id("campaign", named[0][1])
            now = clock.now()
            drafts.save_content(session, campaign_id=campaign_id, version=None, now=now, **subject)
            preflight.check(session, campaign_id=campaign_id, now=now)
            preview_campaign(session, campaign_id=campaign_id, as_contact_id=None)
            create_token(session, name=nasty if nasty.strip() else "x", role="viewer", now=now)
        session.execute(text("UPDATE api_token SET name = name || '<script>alert(1)</script>' WHERE role = 'viewer'"))
    for path in ("/lists/", "/segments", "/campaigns", "/settings/senders", "/settings/tokens", "/campaigns/new"):
        pages(world, path)
    for list_public, campaign_public, segment_public in named[::25]:
        for path in (f"/lists/{list_public}", f"/campaigns/{campaign_public}/content", f"/segments/{segment_public}"):
            pages(world, path)
    listed = world.call("GET", "/lists").json["items"]
    assert {squeeze(row["name"]) for row in listed} >= {squeeze(clean_line(nasty)) for nasty in strings[:40]}


def name_everything(strings: list[str], world: World) -> tuple[list[tuple[str, str, str]], list[str]]:
    named, refused = [], []
    rules = {"match": "all", "rules": [{"field": "given_name", "operator": "is_set"}]}
    with transaction() as session:
        now = clock.now()
        for number, nasty in enumerate(strings):
            try:
                with session.begin_nested():
                    fields = SenderFields(nasty, f"s{number}@fern.example", nasty, nasty)
                    sender_id = create_sender(session, fields=fields, now=now).id
                    list_fields = ListFields(name=nasty, description=nasty, sender_id=sender_id)
                    list_id = create_list(session, fields=list_fields, now=now).id
                    made = drafts.create_campaign(session, name=nasty, list_id=list_id, sender_id=sender_id, now=now)
                    segment = create_segment(session, name=nasty, rules=rules, now=now)
            except InvalidInput as error:
                refused.append(f"{nasty!r}: {error}")
                continue
            named.append((encode_id("list", list_id), encode_id("campaign", made.id), encode_id("segment", segment.id)))
    return named, refused
