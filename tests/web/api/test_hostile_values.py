"""Whatever a caller writes into a field, the API answers with what is wrong, never with a failure of its own."""

import base64
import json
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from sqlalchemy.orm import Session

from campaigns.ids import encode_id
from tests.builders import make_campaign, make_contact, make_list, make_segment, make_sender
from tests.web.api.conftest import Caller
from web.api.blueprint import OPERATIONS
from web.api.operation import Operation

HOSTILE: dict[str, Any] = {
    "null": None,
    "NUL": "a\0b@example.com",
    "lone surrogate": "a\ud800b@example.com",
    "endless": "x" * 100_000,
    "a large number": 10**30,
    "a negative number": -1,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "an object": {"a": {"b": ["\0", "\ud800"]}},
    "a list": ["\0", {"\0": "\ud800"}, 10**30],
    "a key with NUL": {"\0": 1},
    "far away": "9999-12-31T23:59:59+00:00",
    "long ago": "0001-01-01T00:00:00+14:00",
    "empty": "",
}
SAFE = {"email": "ada@example.com", "consent_source": "form", "rules": {"match": "all", "rules": []}}
BODIES = [operation for operation in OPERATIONS if operation.body and not operation.upload]
QUERIES = [operation for operation in OPERATIONS if operation.query]


@pytest.fixture
def known(session: Session) -> dict[str, str]:
    """Real things behind every path parameter."""
    sender = make_sender(session)
    mailing_list = make_list(session, sender=sender)
    rules = {"match": "all", "rules": [{"field": "given_name", "operator": "is_set"}]}
    return {
        "sender_id": encode_id("sender", sender.id),
        "list_id": encode_id("list", mailing_list.id),
        "contact_id": encode_id("contact", make_contact(session).id),
        "segment_id": encode_id("segment", make_segment(session, rules=rules).id),
        "campaign_id": encode_id("campaign", make_campaign(session, mailing_list=mailing_list, sender=sender).id),
    }


def path_of(operation: Operation, known: dict[str, str]) -> str:
    path = operation.path
    for name in operation.path_parameters:
        path = path.replace(f"{{{name}}}", known.get(name, "x"))
    return path


def fitting(model: type[BaseModel], known: dict[str, str]) -> dict[str, Any]:
    """A body that says something for every field that must be there."""
    needed = {name: field for name, field in model.model_fields.items() if field.is_required()}
    return {
        name: known.get(f"{name}_id") or SAFE.get(name) or plain(field.annotation) for name, field in needed.items()
    }


def plain(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: SAFE.get(name, "ada") for name, field in kind.model_fields.items() if field.is_required()}
    return ["ada@example.com"] if "list" in str(kind) else next(iter(map(str, get_args(kind))), "ada")


def send(api: Caller, operation: Operation, path: str, body: Any) -> Any:
    data = json.dumps(body)
    return api.call(operation.method, path, data=data, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("operation", BODIES, ids=lambda operation: operation.name)
def test_no_value_in_a_body_makes_the_api_fail(operation: Operation, owner_api: Caller, known: dict[str, str]) -> None:
    assert operation.body is not None
    body, path = fitting(operation.body, known), path_of(operation, known)
    failed = [
        (name, what)
        for name in operation.body.model_fields
        for what, value in HOSTILE.items()
        if send(owner_api, operation, path, {**body, name: value}).status_code >= 500
    ]
    assert failed == []


@pytest.mark.parametrize("operation", QUERIES, ids=lambda operation: operation.name)
def test_no_value_in_a_query_makes_the_api_fail(operation: Operation, owner_api: Caller, known: dict[str, str]) -> None:
    assert operation.query is not None
    path, failed = path_of(operation, known), []
    cursors = [
        base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        for text in ("[" * 40_000, "[1]", '["\\u0000"]', '["x","\\u0000","\\ud800"]', f"[{10**30}]", f'[{10**30},"x"]',
                     '["0001-01-01T00:00:00+14:00","a","b"]', '["2026-01-01","a","b"]', '[true,"x"]', "[NaN]", "é")
    ]  # fmt: skip
    for name in operation.query.model_fields:
        for value in ["\0", "a\0@example.com", "x" * 10_000, "-1", str(10**30), "é", *cursors]:
            answer = owner_api.call(operation.method, path, query_string={name: value, **whom(operation, known, name)})
            if answer.status_code >= 500:
                failed.append((name, value[:40]))
    assert failed == []


def whom(operation: Operation, known: dict[str, str], name: str) -> dict[str, str]:
    needs = operation.name == "list_events" and name != "campaign"
    return {"campaign": known["campaign_id"]} if needs else {}


@pytest.mark.parametrize(
    "data",
    [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b'"\\ud800"', b"9" * 10_000, b"NaN", b"null", b"[]", b'"x"'],
    ids=["deep list", "deep object", "bytes", "surrogate", "digits", "NaN", "null", "list", "text"],
)
def test_a_body_that_is_no_object_is_refused(owner_api: Caller, data: bytes) -> None:
    answer = owner_api.post("/contacts", data=data, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"


def test_rules_nested_without_end_are_refused(owner_api: Caller) -> None:
    rules: Any = {"field": "email", "operator": "is_set"}
    for _ in range(200):
        rules = {"match": "all", "rules": [rules]}
    assert owner_api.post("/segments", json={"name": "Deep", "rules": rules}).status_code == 422


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["NUL", "lone surrogate"])
def test_what_no_database_can_hold_is_refused_by_field(owner_api: Caller, text: str) -> None:
    body = json.dumps({"email": "ada@example.com", "given_name": text})
    answer = owner_api.post("/contacts", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["field"] == "given_name"


def test_the_same_key_with_hostile_characters_is_refused(owner_api: Caller) -> None:
    for key in ("", "x" * 256, "a\tb"):
        headers = {"Idempotency-Key": key}
        assert owner_api.post("/contacts", json={"email": "ada@example.com"}, headers=headers).status_code == 422
