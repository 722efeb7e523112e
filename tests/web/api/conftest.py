"""Callers of the API with known rights."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from campaigns import clock
from campaigns.accounts.tokens import create_token
from campaigns.models.user import Role


class Caller:
    """Calls /api/v1 with one bearer token."""

    def __init__(self, client: FlaskClient, token: str | None) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**self._headers, **options.pop("headers", {})}
        return self._client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.call("POST", path, **options)

    def patch(self, path: str, **options: Any) -> TestResponse:
        return self.call("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.call("DELETE", path, **options)

    def put(self, path: str, **options: Any) -> TestResponse:
        return self.call("PUT", path, **options)


def make_caller(app: Flask, session: Session, role: str) -> Caller:
    _, token = create_token(session, name=f"{role} token", role=role, now=clock.now())
    session.flush()
    return Caller(app.test_client(), token)


@pytest.fixture
def owner_api(app: Flask, session: Session) -> Caller:
    return make_caller(app, session, Role.owner)


@pytest.fixture
def editor_api(app: Flask, session: Session) -> Caller:
    return make_caller(app, session, Role.editor)


@pytest.fixture
def viewer_api(app: Flask, session: Session) -> Caller:
    return make_caller(app, session, Role.viewer)


@pytest.fixture
def nobody_api(app: Flask) -> Caller:
    return Caller(app.test_client(), None)
