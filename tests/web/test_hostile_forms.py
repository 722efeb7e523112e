"""A browser can be made to send anything: every form and every address answers it with a page, never with a failure."""

import inspect
import io
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask

from campaigns import clock
from campaigns.accounts.sign_in import create_link
from campaigns.db import read_session, transaction
from campaigns.ids import encode_id
from campaigns.models.installation import Installation
from campaigns.settings import get_settings
from campaigns.signing import KeyRing
from tests.builders import make_campaign, make_list, make_member, make_segment, make_sender, make_user
from tests.web.conftest import TOKEN, Browser
from web.app import create_app

HOSTILE = ("a\0b@example.com", "x" * 50_000, "9" * 5000, "<script>alert(1)</script>")
IN_ADDRESSES = ("a\0b", str(10**30), "9" * 5000, "-1", "é", "0001-01-01T00:00:00+14:00~1", "<script>alert(1)</script>")
PARAMETER = re.compile(r"<(?:int:)?(\w+)>")
READS = re.compile(r"request\.args(?:\.get|\.getlist)?[\[(]\"(\w+)\"")


@dataclass
class Form:
    """A form of a page with the values that it would send."""

    action: str
    values: dict[str, str] = field(default_factory=dict)


class FormReader(HTMLParser):
    """Reads the forms of a page that post something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form = Form("")
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(found.get("action", ""))
            if found.get("method", "").lower() == "post":
                self.forms.append(self._form)
        elif tag in ("input", "textarea", "button") and found.get("name"):
            self._form.values[found["name"]] = found.get("value", "")
        elif tag == "select":
            self._select = found.get("name", "")
        elif tag == "option" and self._select and ("selected" in found or self._select not in self._form.values):
            self._form.values[self._select] = found.get("value", "")


@dataclass
class Site:
    """An owner signed in over a database with something behind every kind of address."""

    browser: Browser
    pages: list[str]
    patterns: list[str]


@pytest.fixture
def site(committed_database: str, key_ring: KeyRing) -> Site:
    app = create_app(get_settings(), key_ring)
    app.test_client_class = Browser
    browser: Browser = app.test_client()  # type: ignore[assignment]
    with transaction() as session:
        session.get_one(Installation, 1).set_up_at = clock.now()
        token = create_link(session, user_id=make_user(session).id, now=clock.now())
        sender = make_sender(session)
        mailing_list = make_list(session, sender=sender)
        rules = {"match": "all", "rules": [{"field": "given_name", "operator": "is_set"}]}
        ids = {
            "list_id": encode_id("list", mailing_list.id),
            "sender_id": encode_id("sender", sender.id),
            "user_id": encode_id("user", make_user(session, email="second@example.com").id),
            "contact_id": encode_id("contact", make_member(session, mailing_list=mailing_list).id),
            "segment_id": encode_id("segment", make_segment(session, rules=rules).id),
            "campaign_id": encode_id("campaign", make_campaign(session, mailing_list=mailing_list, sender=sender).id),
        }
    assert browser.post(f"/sign-in/{token}").status_code == 303
    file = {"file": (io.BytesIO(b"email,name\nada@shop.example,Ada\n"), "people.csv")}
    ids["import_id"] = browser.post("/imports/new", data=file).headers["Location"].rpartition("/")[2]
    patterns = [str(rule) for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    patterns = [pattern for pattern in patterns if not pattern.startswith(("/api/", "/static/"))]
    return Site(browser, [PARAMETER.sub(lambda name: ids.get(name[1], "1"), one) for one in patterns], patterns)


def test_no_value_in_an_address_makes_a_page_fail(site: Site) -> None:
    failed = [
        (page, name, value[:20])
        for page in site.pages
        for name in read_names(site.browser.application, page)
        for value in IN_ADDRESSES
        if is_bad(site.browser.get(page, query_string={name: value}))
    ]
    failed += [
        (pattern, value, "")
        for pattern in filter(PARAMETER.search, site.patterns)
        for value in ("%00", "..%2f..%2fetc%2fpasswd", "9" * 40, "con_%00", "é")
        if is_bad(site.browser.get(PARAMETER.sub(value, pattern)))
    ]
    assert failed == []


def test_no_value_in_a_form_makes_a_page_fail(site: Site) -> None:
    forms = {}
    for page in site.pages:
        answer = site.browser.get(page)
        words = answer.text
        if answer.status_code == 200 and answer.mimetype == "text/html":
            for form in FormReader(words).forms:
                forms[form.action or page] = form.values
    forms.pop("/sign-out")
    assert len(forms) > 20
    token = TOKEN.search(site.browser.get("/settings/").text)
    assert token is not None
    failed = [
        (action, name, value[:20])
        for action, values in forms.items()
        for name in values
        for value in HOSTILE
        if is_bad(site.browser.bare_post(action, data={**values, name: value}, headers={"X-CSRFToken": token[1]}))
    ]
    assert failed == []
    with read_session() as session:
        assert session.get_one(Installation, 1).set_up_at is not None


def read_names(app: Flask, page: str) -> set[str]:
    """The arguments that the module of a page reads."""
    endpoint, _ = app.url_map.bind("localhost").match(page)
    return set(READS.findall(Path(str(inspect.getsourcefile(app.view_functions[endpoint]))).read_text()))


def is_bad(answer: object) -> bool:
    return answer.status_code >= 500 or "<script>alert(1)" in answer.text  # type: ignore[attr-defined]
