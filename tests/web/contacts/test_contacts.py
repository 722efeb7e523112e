"""Pages of contacts, lists and suppressions through the application."""

import html
import json
from pathlib import Path

import pytest
from sqlalchemy import event, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.contacts import suppress
from campaigns.ids import encode_id
from campaigns.models.contact import Contact
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import Membership
from campaigns.models.suppression import SuppressionReason
from campaigns.signing import KeyRing
from tests.builders import make_attribute, make_contact, make_list, make_member
from tests.web.conftest import Browser


def url_of(contact: Contact) -> str:
    return f"/contacts/{encode_id('contact', contact.id)}"


@pytest.mark.parametrize("path", ["/contacts/", "/contacts/new", "/lists/", "/lists/new", "/imports/", "/imports/new",
                                  "/suppressions/"])  # fmt: skip
def test_empty_pages_say_what_to_do(editor: Browser, path: str) -> None:
    answer = editor.get(path)
    assert answer.status_code == 200
    assert "<h1" in answer.text


@pytest.mark.parametrize("path", ["/contacts/new", "/lists/new", "/imports/new"])
def test_a_viewer_may_look_and_not_write(viewer: Browser, stranger: Browser, path: str) -> None:
    assert viewer.get(path).status_code == viewer.post(path).status_code == 403
    assert viewer.get(path.removesuffix("new")).status_code == 200
    assert stranger.get(path).status_code == 303
    assert stranger.bare_post(path).status_code in (303, 400)


def test_people_are_found_by_name_and_address(editor: Browser, session: Session) -> None:
    make_contact(session, email="ada@example.com")
    grace = {"given_name": "Grace", "family_name": "Höpper", "sort_key": "hopper\tgrace"}
    make_contact(session, email="grace@navy.example", **grace)
    for search in ("hopper", "HÖPPER grace", "navy", "grace@navy.example", "gra"):
        text = editor.get("/contacts/", query_string={"q": search}).text
        assert "Grace Höpper" in text, search
        assert "ada@example.com" not in text, search
    assert "Nobody found" in editor.get("/contacts/?q=nobody%25").text
    assert editor.get("/contacts/?after=nonsense").status_code == 422


def test_pages_follow_each_other_without_losing_anybody(editor: Browser, session: Session) -> None:
    for number in range(60):
        make_contact(session, email=f"c{number}@example.com", given_name="", family_name="")
    seen, url = "", "/contacts/"
    for _ in range(2):
        text = editor.get(url).text
        seen += text
        url = html.unescape(text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0])
    assert all(f">c{number}@example.com<" in seen for number in range(60))


def test_the_list_of_contacts_asks_few_questions(editor: Browser, session: Session, worker_engine: Engine) -> None:
    for _ in range(30):
        make_contact(session)
    asked: list[str] = []

    def note(connection, cursor, statement, *rest) -> None:  # type: ignore[no-untyped-def]
        if statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(worker_engine, "before_cursor_execute", note)
    editor.get("/contacts/")
    event.remove(worker_engine, "before_cursor_execute", note)
    assert 1 < len(asked) <= 8


def test_a_contact_is_added_with_its_consent_and_changed(editor: Browser, session: Session) -> None:
    size = make_attribute(session, name="size", kind="number")
    news = make_list(session)
    form = {
        "email": " Ada@Example.com ", "given_name": "Ada", "language": "en", "attributes.size": "4",
        "list_id": encode_id("list", news.id), "consent_source": "phone call",
    }  # fmt: skip
    answer = editor.post("/contacts/new", data=form)
    assert answer.status_code == 303
    row = session.scalars(select(Contact)).one()
    assert (row.email, row.attributes) == ("ada@example.com", {str(size.id): 4})
    assert session.scalars(select(Membership.source)).one() == "phone call"
    text = editor.get(answer.location).text
    for expected in ("ada@example.com", "phone call", news.name, "The contact is saved."):
        assert expected in text

    again = editor.post("/contacts/new", data=form)
    assert again.status_code == 422
    assert "is here already" in again.text
    bad = editor.post(f"{url_of(row)}/edit", data={**form, "attributes.size": "many"})
    assert bad.status_code == 422
    assert "This is not a number." in bad.text
    assert 'value="many"' in bad.text
    editor.post(f"{url_of(row)}/edit", data={"email": "ada@example.org", "given_name": "Augusta"})
    session.expire_all()
    assert (row.email, row.given_name, row.attributes) == ("ada@example.org", "Augusta", {})


def test_unsubscribing_and_erasing_ask_first(editor: Browser, session: Session) -> None:
    news = make_list(session)
    ada, noise = make_member(session, mailing_list=news), make_member(session, mailing_list=news)
    form = {"list_id": encode_id("list", news.id)}
    asked = editor.post(f"{url_of(ada)}/unsubscribe", data=form)
    assert "Unsubscribe this person?" in asked.text
    states = select(Membership.contact_id, Membership.state)
    assert set(dict(session.execute(states).all()).values()) == {"confirmed"}
    editor.post(f"{url_of(ada)}/unsubscribe", data={**form, "confirmed": "yes"})
    session.expire_all()
    assert dict(session.execute(states).all()) == {ada.id: "unsubscribed", noise.id: "confirmed"}
    editor.post(f"{url_of(ada)}/subscribe", data={**form, "consent_source": "by mistake"})
    session.expire_all()
    assert dict(session.execute(states).all())[ada.id] == "unsubscribed"
    editor.post(f"{url_of(ada)}/subscribe", data={**form, "consent_source": "called us", "own_wish": "yes"})
    session.expire_all()
    assert dict(session.execute(states).all())[ada.id] == "confirmed"

    url, whole = url_of(ada), ada.address_hash
    assert "Erase this person?" in editor.post(f"{url}/erase").text
    assert editor.post(f"{url}/erase", data={"confirmed": "yes"}).status_code == 303
    assert editor.get(url).status_code == 404
    assert suppress.is_suppressed(session, address_hash=whole)
    assert editor.get(url_of(noise)).status_code == 200


def test_all_that_is_known_can_be_downloaded(editor: Browser, session: Session) -> None:
    ada = make_member(session, mailing_list=make_list(session, name="News"), email="ada@example.com")
    data = json.loads(editor.get(f"{url_of(ada)}/export").text)
    assert data["contact"]["email"] == "ada@example.com"
    assert data["memberships"][0]["list"] == "News"


def test_a_list_is_made_changed_and_archived(editor: Browser, session: Session) -> None:
    answer = editor.post("/lists/new", data={"name": "Garden letter", "sender_id": "0", "tracking_mode": "aggregate"})
    assert answer.status_code == 303
    row = session.scalars(select(MailingList)).one()
    assert (row.list_id, row.tracking_mode, row.double_opt_in) == ("garden-letter", "aggregate", False)
    assert editor.post("/lists/new", data={"name": " ", "sender_id": "0", "tracking_mode": "none"}).status_code == 422
    url = f"/lists/{encode_id('list', row.id)}"
    editor.post(f"{url}/edit", data={"name": "Tree letter", "sender_id": "0", "tracking_mode": "none"})
    assert "Archive this list?" in editor.post(f"{url}/archive").text
    editor.post(f"{url}/archive", data={"confirmed": "yes"})
    session.expire_all()
    assert (row.name, row.list_id, row.archived_at is not None) == ("Tree letter", "garden-letter", True)
    assert "Archived" in editor.get("/lists/").text


def test_an_address_is_suppressed_found_and_let_go(editor: Browser, session: Session, key_ring: KeyRing) -> None:
    assert editor.post("/suppressions/", data={"email": "not an address"}).status_code == 422
    editor.post("/suppressions/", data={"email": "Ada@Example.com"})
    digest = key_ring.address_hash("ada@example.com")
    assert suppress.is_suppressed(session, address_hash=digest)
    reason = SuppressionReason.complaint
    suppress.suppress(session, address_hash=b"n" * 16, reason=reason, source="", hint="n…@x.example", now=clock.now())
    found = editor.get("/suppressions/?q=ADA@example.com").text
    assert "a…@example.com" in found
    assert "n…@x.example" not in found
    assert "is not suppressed" in editor.get("/suppressions/?q=who@example.com").text
    editor.post(f"/suppressions/{digest.hex()}/remove")
    assert suppress.is_suppressed(session, address_hash=digest)
    editor.post(f"/suppressions/{digest.hex()}/remove", data={"confirmed": "yes"})
    assert not suppress.is_suppressed(session, address_hash=digest)


def test_naughty_names_are_shown_as_text(editor: Browser, session: Session, shared_data: Path) -> None:
    strings = json.loads((shared_data / "corpora" / "naughty-strings.json").read_text())
    marked = [text for text in strings if "<" in text and "\x00" not in text][:60]
    note = make_attribute(session, name="note")
    for text in marked:
        contact = make_contact(session, given_name=text, family_name="", greeting=text, attributes={str(note.id): text})
        page = editor.get(url_of(contact)).text
        assert text not in page
        assert html.escape(text.strip(), quote=False).split()[0].replace("'", "&#39;").replace('"', "&#34;") in page
