"""Review, send, plan, stop, and what the report says."""

import csv
import io
import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.ids import encode_id
from campaigns.models.audit import AuditEntry
from campaigns.models.campaign import CampaignState
from campaigns.models.outbox import OutboxMail
from tests.web.campaigns.conftest import Room, public
from tests.web.conftest import Browser

PLAN = {"date": "2030-12-24", "time": "09:30", "zone": "Europe/Helsinki"}


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_review_begins_with_numbers_and_names_who_sends_what(session: Session, editor: Browser, room: Room) -> None:
    page = text_of(editor.get(f"/campaigns/{public(room.campaign(session))}/review").text)
    assert "People on the list who fit 2 Will get it 2" in page
    assert "2 people get “Autumn letter” from Fern &amp; Field &lt;news@fernandfield.example&gt;." in page


def test_what_must_be_mended_stands_in_the_way(session: Session, editor: Browser, room: Room) -> None:
    broken = room.campaign(session, subject="")
    page = editor.get(f"/campaigns/{public(broken)}/review").text
    assert "must be mended" in text_of(page)
    assert "Yes, send it now" not in page
    answer = editor.post(f"/campaigns/{public(broken)}/start", data={"confirmed": "yes"})
    session.refresh(broken)
    assert (answer.status_code, broken.state) == (422, "draft")


def test_sending_asks_first_and_then_begins(session: Session, editor: Browser, room: Room) -> None:
    draft = room.campaign(session)
    url = f"/campaigns/{public(draft)}/start"
    assert "Send this campaign now?" in editor.post(url).text
    session.refresh(draft)
    assert draft.state == CampaignState.draft
    assert editor.post(url, data={"confirmed": "yes"}).location == f"/campaigns/{public(draft)}"
    session.refresh(draft)
    assert draft.state == CampaignState.starting
    actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject == public(draft))).all()
    assert actions == ["campaign.started"]


def test_a_plan_is_kept_with_its_zone_and_can_be_taken_back(session: Session, editor: Browser, room: Room) -> None:
    draft = room.campaign(session)
    url = f"/campaigns/{public(draft)}"
    page = editor.post(f"{url}/schedule", data=PLAN, follow_redirects=True).text
    session.refresh(draft)
    assert draft.due_at is not None
    assert draft.due_at.isoformat() == "2030-12-24T07:30:00+00:00"
    assert "Europe/Helsinki" in page
    editor.post(f"{url}/unschedule")
    session.refresh(draft)
    assert (draft.state, draft.due_at) == ("draft", None)


@pytest.mark.parametrize(
    "change", [{"date": "soon"}, {"zone": "Atlantis/Capital"}, {"date": "2020-01-01"}, {"time": ""}]
)
def test_an_impossible_plan_is_explained_and_kept_in_the_form(
    session: Session, editor: Browser, room: Room, change: dict[str, str]
) -> None:
    draft = room.campaign(session)
    answer = editor.post(f"/campaigns/{public(draft)}/schedule", data={**PLAN, **change})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    for value in {**PLAN, **change}.values():
        assert value in answer.text


def test_a_test_send_goes_to_the_outbox_and_to_nobody_else(session: Session, editor: Browser, room: Room) -> None:
    draft = room.campaign(session)
    form = {"to": "me@example.com, you@example.com", "as": encode_id("contact", room.member_id)}
    answer = editor.post(f"/campaigns/{public(draft)}/test", data=form, follow_redirects=True)
    assert "2 test mails are on their way." in answer.text
    assert sorted(session.scalars(select(OutboxMail.to_email))) == ["me@example.com", "you@example.com"]
    bad = editor.post(f"/campaigns/{public(draft)}/test", data={**form, "to": "nobody"})
    assert bad.status_code == 422


@pytest.mark.parametrize(
    ("state", "deed", "after"),
    [
        ("sending", "pause", {"paused"}),
        ("paused", "resume", {"sending", "starting"}),
        ("sending", "cancel", {"cancelled"}),
        ("paused", "cancel", {"cancelled"}),
        ("held", "cancel", {"cancelled"}),
        ("held", "release", {"starting"}),
    ],
)
def test_a_campaign_under_way_obeys_after_a_yes(
    session: Session, editor: Browser, room: Room, state: str, deed: str, after: set[str]
) -> None:
    campaign = room.campaign(session, state)
    url = f"/campaigns/{public(campaign)}/{deed}"
    assert editor.post(url, data={"confirmed": ""}).status_code == 200
    session.refresh(campaign)
    assert campaign.state == state
    editor.post(url, data={"confirmed": "yes"})
    session.refresh(campaign)
    assert campaign.state in after


def test_a_move_that_comes_too_late_is_explained(session: Session, editor: Browser, room: Room) -> None:
    sent = room.campaign(session, "sent")
    answer = editor.post(f"/campaigns/{public(sent)}/pause", data={"confirmed": "yes"}, follow_redirects=True)
    assert "cannot be paused" in answer.text


def test_progress_reloads_the_page_when_the_state_has_changed(session: Session, viewer: Browser, room: Room) -> None:
    sending = room.campaign(session, "sending")
    url = f"/campaigns/{public(sending)}"
    assert "data-live" in viewer.get(f"{url}/progress?seen=sending").text
    assert viewer.get(f"{url}/progress?seen=starting").status_code == 303


def test_the_report_accounts_for_everybody(session: Session, viewer: Browser, room: Room) -> None:
    page = text_of(viewer.get(f"/campaigns/{public(room.campaign(session, 'sent'))}").text)
    assert "Skipped 1 Unsubscribed from this list 1" in page
    assert "Handed over 1 Failed 1 The mail server refused the address 1" in page
    assert "100.0 % 1" in page.replace("\xa0", " ").replace("100.0%", "100.0 %")


@pytest.mark.parametrize("state", ["held", "cancelled"])
def test_a_campaign_that_never_began_shows_no_empty_numbers(
    session: Session, viewer: Browser, room: Room, state: str
) -> None:
    campaign = room.campaign(session, "held")
    campaign.state = state
    session.flush()
    page = viewer.get(f"/campaigns/{public(campaign)}").text
    assert "Nobody was sent anything" in page
    assert "tile-value" not in page
    assert 'id="progress"' not in page


def test_an_untracked_list_says_so_instead_of_showing_a_chart(session: Session, viewer: Browser, room: Room) -> None:
    page = viewer.get(f"/campaigns/{public(room.campaign(session, 'sent', tracking_mode='none'))}").text
    assert "This list is not tracked" in page
    assert '<svg class="chart"' not in page


def test_messages_are_filtered_and_show_the_servers_answer(session: Session, viewer: Browser, room: Room) -> None:
    url = f"/campaigns/{public(room.campaign(session, 'sent'))}/messages"
    failed = viewer.get(url, query_string={"state": "failed"}).text
    assert "550 user unknown" in failed
    assert "ada@example.com" not in failed
    assert "No message fits" in viewer.get(url, query_string={"state": "failed", "reason": "unsubscribed"}).text
    for odd in ({"state": "x"}, {"reason": "none"}, {"after": "-5"}, {"after": "9" * 30}):
        assert viewer.get(url, query_string=odd).status_code == 200, odd
    assert viewer.get(url, query_string={"q": "\x00"}).status_code == 400


def test_messages_come_page_by_page(
    session: Session, viewer: Browser, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.campaigns.messages.PAGE", 2)
    url = f"/campaigns/{public(room.campaign(session, 'sent'))}/messages"
    first = viewer.get(url).text
    following = re.search(r'href="([^"]+after=2[^"]*)"', first)
    assert following is not None
    assert "ada@example.com" in first
    assert "ada@example.com" not in viewer.get(following[1].replace("&amp;", "&")).text


def test_the_export_holds_every_filtered_line_and_no_formula(
    session: Session, viewer: Browser, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.campaigns.messages.CHUNK", 1)
    sent = room.campaign(session, "sent")
    answer = viewer.get(f"/campaigns/{public(sent)}/messages.csv")
    lines = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert [(line["state"], line["reason"]) for line in lines] == [
        ("sent", ""),
        ("failed", "refused_recipient"),
        ("skipped", "unsubscribed"),
    ]
    only = viewer.get(f"/campaigns/{public(sent)}/messages.csv?state=failed").get_data().decode("utf-8-sig")
    assert len(only.splitlines()) == 2
