"""What all operations share: validation, problem details, idempotency, cursors."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.errors import InvalidInput
from campaigns.models.audit import AuditEntry
from campaigns.models.mailing_list import MailingList
from tests.web.api.conftest import Caller
from web.api.paging import make_cursor, read_cursor

KEY = {"Idempotency-Key": "one"}


def count_lists(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(MailingList)) or 0


def test_the_same_key_and_request_has_one_effect_and_the_same_answer(editor_api: Caller, session: Session) -> None:
    first = editor_api.post("/lists", json={"name": "News"}, headers=KEY)
    again = editor_api.post("/lists", json={"name": "News"}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert count_lists(session) == 1


def test_the_same_key_with_another_request_is_refused(editor_api: Caller, session: Session) -> None:
    editor_api.post("/lists", json={"name": "News"}, headers=KEY)
    answer = editor_api.post("/lists", json={"name": "Other"}, headers=KEY)
    assert answer.status_code == 422
    assert answer.get_json()["code"] == "idempotency_key_reused"
    assert count_lists(session) == 1


def test_two_callers_may_use_the_same_key(editor_api: Caller, owner_api: Caller, session: Session) -> None:
    editor_api.post("/lists", json={"name": "News"}, headers=KEY)
    owner_api.post("/lists", json={"name": "News"}, headers=KEY)
    assert count_lists(session) == 2


def test_a_refused_request_keeps_its_key_free(editor_api: Caller, session: Session) -> None:
    assert editor_api.post("/lists", json={"name": ""}, headers=KEY).status_code == 422
    assert editor_api.post("/lists", json={"name": "News"}, headers=KEY).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x", "colour": "red"}, "colour"),
        ({"name": "x", "sender": "y"}, None),
    ],
)
def test_a_body_that_does_not_fit_says_where(editor_api: Caller, body: dict[str, Any], field: str | None) -> None:
    answer = editor_api.post("/lists", json=body)
    assert answer.status_code in (404, 422)
    assert answer.content_type.startswith("application/problem+json")
    assert answer.get_json().get("field") == field


def test_a_body_that_is_not_json_says_so(editor_api: Caller) -> None:
    answer = editor_api.post("/lists", data="{", content_type="application/json")
    assert answer.status_code == 422
    assert "not valid JSON" in answer.get_json()["detail"]


def test_an_unknown_query_parameter_is_refused_rather_than_ignored(viewer_api: Caller) -> None:
    answer = viewer_api.get("/contacts?emial=a@example.com")
    assert answer.status_code == 422
    assert answer.get_json()["field"] == "emial"


def test_unknown_paths_answer_with_problem_details(nobody_api: Caller) -> None:
    answer = nobody_api.get("/nothing")
    assert answer.status_code == 404
    assert answer.content_type.startswith("application/problem+json")


def test_what_a_token_changed_stands_in_the_audit_trail(editor_api: Caller, session: Session) -> None:
    made = editor_api.post("/lists", json={"name": "News"}).get_json()
    entries = session.scalars(select(AuditEntry)).all()
    assert [(entry.action, entry.subject, entry.token_id is not None) for entry in entries] == [
        ("api.create_list", made["id"], True)
    ]


@given(st.text(max_size=40))
def test_a_made_up_cursor_is_refused_or_read_but_never_an_error(text: str) -> None:
    try:
        position = read_cursor(text, int)
    except InvalidInput:
        return
    assert position is not None
    assert isinstance(position[0], int)


ROW_NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)
STORABLE = st.text().filter(lambda text: "\0" not in text)


@given(ROW_NUMBERS, STORABLE)
def test_a_cursor_comes_back_as_it_was(number: int, text: str) -> None:
    assert read_cursor(make_cursor(number, text), int, str) == (number, text)
