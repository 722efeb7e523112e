"""Who may call what: every operation, with every kind of caller."""

import pytest

from campaigns.accounts.roles import includes
from campaigns.models.user import Role
from tests.web.api.conftest import Caller
from web.api.blueprint import OPERATIONS
from web.api.operation import Operation


def call(caller: Caller, operation: Operation) -> int:
    path = operation.path
    for name in operation.path_parameters:
        path = path.replace(f"{{{name}}}", "nothing")
    return caller.call(operation.method, path).status_code


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda item: item.name)
def test_nobody_passes_without_a_token(nobody_api: Caller, operation: Operation) -> None:
    assert call(nobody_api, operation) == 401


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda item: item.name)
def test_a_viewer_passes_only_where_viewers_may(viewer_api: Caller, operation: Operation) -> None:
    assert (call(viewer_api, operation) == 403) is not includes(Role.viewer, operation.role)


@pytest.mark.parametrize("operation", [item for item in OPERATIONS if item.writes], ids=lambda item: item.name)
def test_only_counting_is_a_post_for_viewers(operation: Operation) -> None:
    assert operation.name == "count_rules" or not includes(Role.viewer, operation.role)


def test_a_forged_token_is_refused_with_problem_details(nobody_api: Caller) -> None:
    answer = nobody_api.get("/lists", headers={"Authorization": "Bearer tid_aaaaaaaa_forged"})
    assert answer.status_code == 401
    assert answer.content_type.startswith("application/problem+json")
    assert "WWW-Authenticate" in answer.headers


def test_a_cookie_is_no_token(owner: object, app: object, nobody_api: Caller) -> None:
    assert owner.get("/api/v1/lists").status_code == 401  # type: ignore[attr-defined]
