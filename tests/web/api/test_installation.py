"""A held installation says so, and an owner lets it go on."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.models.installation import Installation
from tests.web.api.conftest import Caller


def hold(session: Session) -> None:
    session.execute(update(Installation).values(held_at=clock.now(), hold_reason="restored"))


def test_a_held_installation_says_why(session: Session, viewer_api: Caller) -> None:
    before = viewer_api.get("/installation").get_json()
    assert (before["held_at"], before["hold_reason"]) == (None, None)
    hold(session)
    session.expire_all()
    held = viewer_api.get("/installation").get_json()
    assert held["held_at"] is not None
    assert held["hold_reason"] == "restored"


def test_only_an_owner_releases_it(session: Session, editor_api: Caller, owner_api: Caller) -> None:
    hold(session)
    assert editor_api.post("/installation/release").status_code == 403
    session.expire_all()
    assert owner_api.get("/installation").get_json()["held_at"] is not None
    released = owner_api.post("/installation/release")
    assert (released.status_code, released.get_json()["held_at"]) == (200, None)
