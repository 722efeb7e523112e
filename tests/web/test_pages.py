"""The shell: every page answers, and every role sees its own."""

import pytest

from tests.web.conftest import Browser

OWNER_PAGES = (
    "/settings/organisation",
    "/settings/users",
    "/settings/tokens",
    "/settings/audit",
    "/settings/senders/new",
)


@pytest.mark.parametrize("path", ["/", "/settings/", "/settings/senders", *OWNER_PAGES])
def test_an_owner_sees_every_page(owner: Browser, path: str) -> None:
    answer = owner.get(path)
    assert answer.status_code == 200
    assert "<h1" in answer.text


@pytest.mark.parametrize("path", OWNER_PAGES)
def test_an_editor_is_kept_from_the_owners_pages(editor: Browser, path: str) -> None:
    assert editor.get(path).status_code == 403


def test_a_stranger_is_asked_to_sign_in_and_brought_back(stranger: Browser) -> None:
    answer = stranger.get("/settings/users")
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=/settings/users"
