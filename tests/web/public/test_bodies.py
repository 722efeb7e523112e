"""How large a body may be, over a real server: what a stranger sends never fills the disk."""

from collections.abc import Callable

from tests.web.public.conftest import Server

LARGE = b"x" * 6_000_000


def test_only_uploads_by_somebody_who_shows_a_key_may_be_large(start_server: Callable[..., Server]) -> None:
    server = start_server(public_only=False)
    assert server.client.post("/sign-in", content=LARGE).status_code == 413
    assert server.client.post("/imports/new", content=LARGE).status_code == 413
    assert server.client.post("/api/v1/imports", content=LARGE).status_code == 413
    shown = {"Authorization": "Bearer tid_aaaaaaaa_forged"}
    assert server.client.post("/api/v1/lists", content=LARGE, headers=shown).status_code == 413
    assert server.client.post("/api/v1/imports", content=LARGE, headers=shown).status_code != 413
