"""Segment pages through the client: plain forms only, as without JavaScript."""

import html
import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.ids import encode_id
from campaigns.models.audit import AuditEntry
from campaigns.models.segment import Segment
from tests import builders
from tests.web.conftest import Browser

NASTY = [
    "<script>alert(1)</script>",
    "{{7*7}}",
    "=cmd()",
    "%(name)s %s",
    '"><img src=x>',
    "\u202e\u0000evil",
    "'; DROP",
]
FORM = {"name": "Germans", "do": "save", "r.match": "all", "r.0.field": "language", "r.0.operator": "is_any_of"}
GERMANS = {**FORM, "r.0.value": ["de", ""]}


def path_of(segment: Segment) -> str:
    return f"/segments/{encode_id('segment', segment.id)}"


def germans(session: Session) -> Segment:
    rules = {"match": "all", "rules": [{"field": "language", "operator": "is_any_of", "value": ["de"]}]}
    return builders.make_segment(session, rules=rules, name="Germans")


def text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_empty_list_says_what_segments_are_for(editor: Browser, viewer: Browser) -> None:
    assert "Build the first segment" in editor.get("/segments").text
    assert "Build the first segment" not in viewer.get("/segments").text


def test_a_segment_is_built_saved_and_shown_by_forms_alone(editor: Browser, session: Session) -> None:
    for language in ("de", "de-AT", "en"):
        builders.make_contact(session, language=language)
    answer = editor.post("/segments/new", data=GERMANS)
    assert answer.status_code == 303
    row = session.scalars(select(Segment)).one()
    assert row.rules == {"match": "all", "rules": [{"field": "language", "operator": "is_any_of", "value": ["de"]}]}
    shown = text(editor.get(path_of(row), query_string={"count": "now"}).text)
    assert "2 contacts match" in shown
    assert "Contacts where language is de ." in shown
    assert session.scalars(
        select(AuditEntry.action).where(AuditEntry.subject == encode_id("segment", row.id))
    ).all() == ["segment.created"]


def test_a_button_changes_the_form_and_saves_nothing(editor: Browser, session: Session) -> None:
    page = editor.post("/segments/new", data={**GERMANS, "do": "group:r"}).text
    assert 'name="r.1.0.field"' in page
    assert 'value="Germans"' in page
    assert session.scalars(select(Segment)).all() == []


def test_what_is_missing_is_said_at_its_place_and_nothing_is_saved(editor: Browser, session: Session) -> None:
    answer = editor.post("/segments/new", data={**FORM, "name": " ", "r.0.value": ""})
    assert answer.status_code == 422
    assert 'id="r.0.fault"' in answer.text
    assert 'id="name-problem"' in answer.text
    assert session.scalars(select(Segment)).all() == []


def test_a_list_that_is_gone_is_said_at_its_place(editor: Browser, session: Session) -> None:
    form = {"name": "x", "do": "save", "r.match": "all", "r.0.field": "list", "r.0.operator": "is_member"}
    answer = editor.post("/segments/new", data={**form, "r.0.value": encode_id("list", 404)})
    assert answer.status_code == 422
    assert "This list does not exist any more" in answer.text


def test_the_draft_answers_the_count_while_typing(editor: Browser, session: Session) -> None:
    builders.make_contact(session, language="de")
    builders.make_contact(session, language="fi")
    answer = editor.post("/segments/draft?part=result", data={**GERMANS, "do": ""})
    assert "1 contact matches" in text(answer.text)
    assert "<form" not in answer.text
    unfinished = editor.post("/segments/draft?part=result", data={**FORM, "do": ""})
    assert "Not complete yet" in unfinished.text


def test_editing_starts_from_what_was_saved(editor: Browser, session: Session) -> None:
    row = germans(session)
    assert 'value="de"' in editor.get(f"{path_of(row)}/edit").text
    editor.post(f"{path_of(row)}/edit", data={**GERMANS, "name": "Renamed", "r.match": "any"})
    session.refresh(row)
    assert (row.name, row.rules["match"]) == ("Renamed", "any")


def test_everyone_in_it_is_listed_page_by_page(viewer: Browser, session: Session) -> None:
    row = germans(session)
    made = [builders.make_contact(session, language="de", email=f"german{number}@example.com") for number in range(51)]
    builders.make_contact(session, language="fi", email="finn@example.com")
    first = viewer.get(f"{path_of(row)}/people").text
    assert first.count("german") == 50 * 1
    assert "finn@" not in first
    before = encode_id("contact", made[1].id)
    assert f"before={before}" in first
    assert "german0@" in viewer.get(f"{path_of(row)}/people?before={before}").text


def test_a_segment_is_copied_archived_and_brought_back(editor: Browser, session: Session) -> None:
    row = germans(session)
    assert editor.post(f"{path_of(row)}/duplicate").status_code == 303
    assert [each.name for each in session.scalars(select(Segment).order_by(Segment.id))] == [
        "Germans",
        "Copy of Germans",
    ]
    editor.post(f"{path_of(row)}/archive")
    session.refresh(row)
    assert row.archived_at is not None
    assert path_of(row) in editor.get("/segments?show=archived").text
    editor.post(f"{path_of(row)}/restore")
    session.refresh(row)
    assert row.archived_at is None


def test_a_segment_that_cannot_be_used_says_so_instead_of_failing(editor: Browser, session: Session) -> None:
    rules = {"match": "all", "rules": [{"field": "attributes.gone", "operator": "is", "value": "x"}]}
    row = builders.make_segment(session, rules=rules)
    for path in ("/segments", path_of(row), f"{path_of(row)}/people", f"{path_of(row)}/edit"):
        answer = editor.get(path)
        assert answer.status_code == 200
        assert "does not exist any more" in text(answer.text)
    assert editor.get(f"{path_of(row)}/count").status_code == 200


WRITES = ("new", "draft", "{id}/edit", "{id}/duplicate", "{id}/archive", "{id}/restore")


def test_a_viewer_looks_and_changes_nothing(viewer: Browser, session: Session) -> None:
    row = germans(session)
    for path in WRITES:
        url = f"/segments/{path}".format(id=encode_id("segment", row.id))
        assert viewer.post(url, data=GERMANS).status_code == 403, path
    assert len(session.scalars(select(Segment)).all()) == 1
    assert viewer.get(path_of(row)).status_code == 200


def test_a_stranger_is_sent_to_the_door(stranger: Browser, session: Session) -> None:
    assert "/sign-in" in stranger.get(path_of(germans(session))).headers["Location"]


def test_an_unknown_segment_is_not_found(editor: Browser) -> None:
    for path in ("seg_UkLWZg9D", "con_UkLWZg9D", "seg_", "1"):
        assert editor.get(f"/segments/{path}").status_code == 404


@pytest.mark.parametrize("nasty", NASTY)
def test_naughty_names_and_values_are_shown_as_they_are(editor: Browser, session: Session, nasty: str) -> None:
    builders.make_contact(session, given_name=nasty.replace("\0", ""), family_name="")
    form = {"name": nasty, "do": "save", "r.match": "all", "r.0.field": "given_name", "r.0.operator": "is"}
    answer = editor.post("/segments/new", data={**form, "r.0.value": nasty})
    if "\0" in nasty:
        assert answer.status_code == 422
        return
    assert answer.status_code == 303
    row = session.scalars(select(Segment)).one()
    for path in (
        "/segments",
        path_of(row),
        f"{path_of(row)}?count=now",
        f"{path_of(row)}/edit",
        f"{path_of(row)}/people",
    ):
        page = editor.get(path).text
        assert nasty in html.unescape(page), path
        assert "<script>alert" not in page
        assert "<img src=x>" not in page
        assert "{{7*7}}" in page or "7*7" not in nasty
