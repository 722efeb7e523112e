"""Making, writing and previewing a campaign."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.composing.drafts import chosen_segments, current_contents
from campaigns.ids import encode_id
from campaigns.models.audit import AuditEntry
from campaigns.models.campaign import Campaign
from tests.builders import BODY, make_list, make_segment
from tests.web.campaigns.conftest import Room, public
from tests.web.conftest import Browser

GOOD = {"subject": "New subject", "preheader": "Line", "body": BODY, "body_format": "mjml", "language": "en"}


def new_form(room: Room, **changes: str) -> dict[str, str]:
    ids = {"list": encode_id("list", room.mailing_list.id), "sender": encode_id("sender", room.sender.id)}
    return {"name": "Autumn letter", "start": "newsletter", **ids, **changes}


def newest(session: Session) -> Campaign:
    return session.scalars(select(Campaign).order_by(Campaign.id.desc())).first()


def test_a_new_campaign_begins_with_the_starter_and_is_noted(session: Session, editor: Browser, room: Room) -> None:
    answer = editor.post("/campaigns/new", data=new_form(room))
    made = newest(session)
    assert answer.location == f"/campaigns/{public(made)}/content"
    assert "<mj-body" in current_contents(session, campaign_id=made.id)[0].body
    entry = session.scalars(select(AuditEntry).where(AuditEntry.subject == public(made))).one()
    assert (entry.action, entry.actor) == ("campaign.created", "editor@example.com")


def test_a_new_campaign_can_copy_an_earlier_one_to_another_list(session: Session, editor: Browser, room: Room) -> None:
    earlier, other = room.campaign(session, "sent", subject="Well said"), make_list(session)
    editor.post("/campaigns/new", data=new_form(room, start=public(earlier), list=encode_id("list", other.id)))
    made = newest(session)
    assert (made.name, made.list_id) == ("Autumn letter", other.id)
    assert current_contents(session, campaign_id=made.id)[0].subject == "Well said"


@pytest.mark.parametrize("changes", [{"name": " "}, {"start": "nothing"}, {"name": "x" * 300}])
def test_a_new_campaign_that_cannot_be_is_asked_for_again(
    session: Session, editor: Browser, room: Room, changes: dict[str, str]
) -> None:
    answer = editor.post("/campaigns/new", data=new_form(room, **changes))
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert newest(session) is None


def test_saving_by_plain_form_shows_the_preview(session: Session, editor: Browser, room: Room) -> None:
    draft = room.campaign(session)
    url = f"/campaigns/{public(draft)}/content"
    answer = editor.post(url, data={**GOOD, "version": "1"}, follow_redirects=True)
    assert answer.status_code == 200
    assert "New subject" in answer.text
    assert current_contents(session, campaign_id=draft.id)[0].subject == "New subject"


def test_a_save_from_an_old_page_keeps_what_was_typed(session: Session, editor: Browser, room: Room) -> None:
    draft = room.campaign(session)
    url = f"/campaigns/{public(draft)}/content"
    editor.post(url, data={**GOOD, "version": "1"})
    answer = editor.post(url, data={**GOOD, "subject": "Typed for an hour", "version": "1"})
    assert answer.status_code == 409
    assert "Typed for an hour" in answer.text
    assert "saved by somebody else" in answer.text
    assert current_contents(session, campaign_id=draft.id)[0].subject == "New subject"


@pytest.mark.parametrize("version", ["", "x", "-1", "²"])
def test_a_save_without_a_readable_version_is_refused(
    session: Session, editor: Browser, room: Room, version: str
) -> None:
    draft = room.campaign(session)
    answer = editor.post(f"/campaigns/{public(draft)}/content", data={**GOOD, "version": version})
    assert answer.status_code == 409


def test_autosave_answers_with_the_new_version_and_preview(session: Session, editor: Browser, room: Room) -> None:
    draft = room.campaign(session)
    answer = editor.post(f"/campaigns/{public(draft)}/autosave", data={**GOOD, "version": "1"})
    assert 'id="version" name="version" value="2" hx-swap-oob="true"' in answer.text
    assert "New subject" in answer.text
    refused = editor.post(f"/campaigns/{public(draft)}/autosave", data={**GOOD, "subject": "x", "version": "1"})
    assert "saved by somebody else" in refused.text
    assert 'id="version"' not in refused.text


def test_an_edit_while_paused_is_for_the_unsent(session: Session, editor: Browser, room: Room) -> None:
    paused = room.campaign(session, "paused")
    url = f"/campaigns/{public(paused)}/content"
    assert "hx-post" not in editor.get(url).text
    editor.post(url, data={**GOOD, "version": "1"})
    session.refresh(paused)
    assert paused.revision == 2


def test_a_preview_is_a_document_of_its_own_policy(session: Session, viewer: Browser, room: Room) -> None:
    draft = room.campaign(session, subject="Hi {{ contact.given_name }}")
    url = f"/campaigns/{public(draft)}/preview"
    answer = viewer.get(url, query_string={"reader": encode_id("contact", room.member_id)})
    policy = answer.headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    assert "Hello Ada" in answer.text
    assert "/c/" not in answer.text
    assert "Hello Ada" in viewer.get(url, query_string={"part": "text"}).text


def test_a_preview_shows_each_contact_their_own(session: Session, viewer: Browser, room: Room) -> None:
    draft = room.campaign(session)
    page = viewer.get(f"/campaigns/{public(draft)}/content", query_string={"reader": "con_madeup"}).text
    assert "Ada Lovelace" in page
    found = viewer.get(f"/campaigns/{public(draft)}/readers", query_string={"q": "gra"}).text
    assert "grace@example.com" in found
    assert "ada@example.com" not in found


def test_faults_are_told_with_their_place(session: Session, editor: Browser, room: Room) -> None:
    draft = room.campaign(session)
    source = "<mjml>\r\n<mj-body>\r\n<mj-sectoin></mj-sectoin></mj-body></mjml>"
    answer = editor.post(
        f"/campaigns/{public(draft)}/problems", data={"subject": "", "source": source, "body_format": "mjml"}
    )
    problems = answer.get_json()["problems"]
    assert any(p["line"] == 3 and "mj-section" in p["message"] for p in problems)
    assert any(p["line"] is None and p["message"].startswith("Subject") for p in problems)


def test_a_draft_is_deleted_only_after_a_yes(session: Session, editor: Browser, room: Room) -> None:
    draft = room.campaign(session)
    url = f"/campaigns/{public(draft)}/delete"
    assert "Delete this draft?" in editor.post(url, data={"confirmed": ""}).text
    assert newest(session) is not None
    editor.post(url, data={"confirmed": "yes"})
    assert newest(session) is None


def test_the_audience_counts_what_was_chosen(session: Session, editor: Browser, room: Room) -> None:
    draft = room.campaign(session)
    segment = make_segment(session, rules={"match": "all", "rules": []}, name="Everybody")
    form = {"list": encode_id("list", room.mailing_list.id), encode_id("segment", segment.id): "exclude"}
    url = f"/campaigns/{public(draft)}/audience"
    live = editor.post(url, data={**form, "version": "1"}, headers={"HX-Request": "true"})
    assert "In a segment that this campaign leaves out" in live.text
    assert "<html" not in live.text
    assert [(s.id, out) for s, out in chosen_segments(session, campaign_id=draft.id)] == [(segment.id, True)]
    assert editor.post(url, data={**form, "version": "2"}).status_code == 303
    assert editor.post(url, data={**form, "version": "1"}).status_code == 409
