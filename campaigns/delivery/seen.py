"""What a data folder last saw of its database, so that a database that went back in time is noticed.

``TIDINGS_HOME/seen`` holds the database's id and the highest mark of a window handed to SMTP. A restored backup is
behind that mark: whoever was written to in between would be written to again. So the installation is held.
"""

import fcntl
import os
import socket
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.delivery.home_id import home_id
from campaigns.models.campaign import Campaign, CampaignState
from campaigns.models.installation import Host, Installation
from campaigns.settings import Settings

LIVING = timedelta(minutes=10)
LINE = "{} {:020d}\n"
LINE_BYTES = 58
GOES_ON_BY_ITSELF = (CampaignState.scheduled, CampaignState.starting, CampaignState.sending)


class SeenFile:
    """The file of one data folder. Several processes may note marks: the highest one stays."""

    def __init__(self, settings: Settings) -> None:
        settings.home_path.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(settings.home_path / "seen", os.O_RDWR | os.O_CREAT, 0o600)

    def note(self, database_id: UUID, mark: int, *, replace: bool = False) -> None:
        """Keep ``mark`` unless a higher one of the same database stands there already."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            known = self._read()
            if replace or known is None or known[0] != database_id or known[1] < mark:
                os.pwrite(self._descriptor, LINE.format(database_id, mark).encode(), 0)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def read(self) -> tuple[UUID, int] | None:
        """Return the database's id and its highest mark, or None when nothing was ever seen."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        try:
            return self._read()
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _read(self) -> tuple[UUID, int] | None:
        words = os.pread(self._descriptor, LINE_BYTES, 0).decode("ascii", "replace").split()
        try:
            return UUID(words[0]), int(words[1])
        except (IndexError, ValueError):
            return None

    def close(self) -> None:
        os.close(self._descriptor)


def check_database(session: Session, *, settings: Settings, now: datetime) -> str | None:
    """Hold the installation when its database went back in time or was moved; return the reason of a new hold.

    ``database_behind``: this folder has seen more than the database knows. ``database_moved``: a used database met
    a data folder that it does not know, and no folder that it knows has been heard of for ten minutes; an embedded
    database lives in its folder, so there no other one can be alive. Call it before anything is sent, in every
    process that sends.
    """
    installation = session.scalars(select(Installation).where(Installation.id == 1).with_for_update()).one()
    seen_file = SeenFile(settings)
    try:
        seen = seen_file.read()  # before the mark: others go on handing over while we look
        mark = _handed_mark(session)
        reason = _find_reason(session, seen, installation.database_id, mark, settings, now)
        _note_host(session, settings, now)
        if reason is None and installation.held_at is None:
            seen_file.note(installation.database_id, mark)
    finally:
        seen_file.close()
    if reason is None or installation.held_at is not None:
        return None
    _hold(session, reason, {"mark": mark}, now)
    return reason


def _find_reason(
    session: Session, seen: tuple[UUID, int] | None, database_id: UUID, mark: int, settings: Settings, now: datetime
) -> str | None:
    if seen is not None and seen[0] == database_id and mark < seen[1]:
        return "database_behind"
    hosts = {host.home_id: host.last_seen_at for host in session.scalars(select(Host))}
    is_living = any(now - last_seen < LIVING for last_seen in hosts.values())
    has_company = is_living and not settings.uses_embedded_database
    if hosts and home_id(settings) not in hosts and not has_company and _could_send_twice(session, mark):
        return "database_moved"
    return None


def _could_send_twice(session: Session, mark: int) -> bool:
    """Something was sent, or will be without anybody asking for it."""
    return mark > 0 or bool(session.scalar(select(exists().where(Campaign.state.in_(GOES_ON_BY_ITSELF)))))


def _handed_mark(session: Session) -> int:
    """The highest mark given out; 0 when there was none."""
    return int(session.scalar(text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM handed_mark")) or 0)


def _note_host(session: Session, settings: Settings, now: datetime) -> None:
    values = {"name": socket.gethostname(), "first_seen_at": now, "last_seen_at": now}
    host = insert(Host).values(home_id=home_id(settings), **values)
    session.execute(host.on_conflict_do_update(index_elements=["home_id"], set_={"last_seen_at": now}))


def _hold(session: Session, reason: str, params: dict[str, int], now: datetime) -> None:
    session.execute(
        update(Installation).where(Installation.id == 1).values(held_at=now, hold_reason=reason, hold_params=params)
    )


def accept_database(session: Session, *, settings: Settings, now: datetime) -> None:
    """Take the database as it is: what this folder saw of it counts no more. A person decided so."""
    installation = session.get_one(Installation, 1)
    seen_file = SeenFile(settings)
    try:
        seen = seen_file.read()
        if seen is not None and seen[0] == installation.database_id:
            highest = max(seen[1], _handed_mark(session), 1)
            session.execute(select(func.setval("handed_mark", highest)))
    finally:
        seen_file.close()
    _note_host(session, settings, now)
