"""Every page in every state, for those who may look and for those who may not touch."""

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from campaigns.models.campaign import CampaignState
from tests.web.campaigns.conftest import Room, public
from tests.web.conftest import Browser

NASTY = [
    "<script>alert(1)</script>",
    "{{7*7}}",
    '"><img src=x>',
    "=cmd()",
    "\u202eevil",
    "a'; DROP TABLE campaign;--",
    "陳大文",
]
READS = ("", "/content", "/audience", "/messages", "/messages.csv", "/readers", "/preview", "/preview?part=text")
WRITES = ("copy", "delete", "content", "autosave", "details", "problems", "audience", "test", "start", "schedule")
MOVES = ("unschedule", "pause", "resume", "cancel", "release")


@pytest.mark.parametrize("state", list(CampaignState))
def test_every_page_opens_in_every_state(session: Session, viewer: Browser, room: Room, state: str) -> None:
    base = f"/campaigns/{public(room.campaign(session, state))}"
    for path in (*READS, "/review", "/progress", "/numbers"):
        answer = viewer.get(base + path, follow_redirects=True)
        is_too_early = path == "/messages.csv" and state in ("draft", "scheduled")
        assert answer.status_code == (404 if is_too_early else 200), path


@pytest.mark.parametrize("deed", [*WRITES, *MOVES])
def test_a_viewer_changes_nothing(session: Session, viewer: Browser, room: Room, deed: str) -> None:
    draft = room.campaign(session)
    answer = viewer.post(f"/campaigns/{public(draft)}/{deed}", data={"confirmed": "yes", "subject": "Mine now"})
    session.refresh(draft)
    assert answer.status_code == 403
    assert (draft.state, draft.version) == ("draft", 1)


@pytest.mark.parametrize("state", ["draft", "scheduled", "sending", "paused", "held", "sent"])
def test_a_viewer_sees_no_button_that_would_refuse(session: Session, viewer: Browser, room: Room, state: str) -> None:
    base = f"/campaigns/{public(room.campaign(session, state))}"
    for path in ("", "/content", "/audience", "/review"):
        page = viewer.get(base + path, follow_redirects=True).text
        main = page[page.index("<main") :]
        assert 'method="post"' not in main, path


def test_a_stranger_is_asked_to_sign_in(session: Session, stranger: Browser, room: Room) -> None:
    base = f"/campaigns/{public(room.campaign(session, 'sent'))}"
    for path in READS:
        assert stranger.get(base + path).status_code == 303, path


@pytest.mark.parametrize("campaign_id", ["cmp_nothing", "con_UkLWZg9D", "1", "cmp_UkLWZg9D"])
def test_a_campaign_that_is_not_there_is_not_found(viewer: Browser, room: Room, campaign_id: str) -> None:
    for path in ("", "/content", "/review", "/numbers", "/progress"):
        assert viewer.get(f"/campaigns/{campaign_id}{path}").status_code == 404


@pytest.mark.parametrize("nasty", NASTY)
def test_nasty_names_and_subjects_are_shown_as_text(session: Session, editor: Browser, room: Room, nasty: str) -> None:
    for state in ("draft", "sent"):
        base = f"/campaigns/{public(room.campaign(session, state, name=nasty, subject=nasty))}"
        for path in ("/campaigns", base, f"{base}/content", f"{base}/audience", f"{base}/review"):
            page = editor.get(path, follow_redirects=True)
            assert page.status_code == 200
            assert "<script>alert" not in page.text
            assert "<img src=x>" not in page.text


def test_the_list_finds_filters_and_counts(session: Session, viewer: Browser, room: Room) -> None:
    room.campaign(session, "sent", name="Autumn letter")
    room.campaign(session, name="Spring letter")
    everything = viewer.get("/campaigns").text
    assert "Autumn letter" in everything
    assert "Spring letter" in everything
    for query in ("?state=sent", "?q=aut"):
        some = viewer.get(f"/campaigns{query}").text
        assert "Autumn letter" in some
        assert "Spring letter" not in some
    assert "No campaign fits" in viewer.get("/campaigns?q=winter").text


def test_an_empty_installation_says_what_a_campaign_is(viewer: Browser, editor: Browser) -> None:
    assert "No campaign yet" in viewer.get("/campaigns").text
    assert "Write the first campaign" not in viewer.get("/campaigns").text
    assert "Write the first campaign" in editor.get("/campaigns").text


def test_a_page_of_many_campaigns_asks_few_questions(session: Session, viewer: Browser, room: Room) -> None:
    for _ in range(30):
        room.campaign(session, "sent")
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            statements.append(statement)

    sqlalchemy_event.listen(Engine, "before_cursor_execute", note)
    try:
        assert viewer.get("/campaigns").status_code == 200
    finally:
        sqlalchemy_event.remove(Engine, "before_cursor_execute", note)
    assert len(statements) <= 8
