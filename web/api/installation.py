"""The installation: may it send, and let it send again."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from campaigns import lifecycle
from campaigns.models.installation import Installation
from web.api.operation import Operations
from web.api.shape import Answer, Instant

operations = Operations("installation")


class InstallationOut(Answer):
    """While `held_at` is set, nothing is sent; the reason is `restored`, `database_behind` or `database_moved`."""

    organisation: str
    time_zone: str
    held_at: Instant | None
    hold_reason: str | None
    hold_params: dict[str, Any] | None


def show(installation: Installation) -> InstallationOut:
    return InstallationOut.model_validate({name: getattr(installation, name) for name in InstallationOut.model_fields})


@operations.get("/installation")
def get_installation(session: Session) -> InstallationOut:
    """Say whether the installation may send."""
    return show(session.get_one(Installation, 1))


@operations.post("/installation/release", role="owner", idempotent=True)
def release_installation(session: Session, *, now: datetime) -> InstallationOut:
    """Let an installation that is held send again: make sure first that no other copy of it sends."""
    lifecycle.release_installation(session, now=now)
    return show(session.get_one(Installation, 1, populate_existing=True))
