"""Durable work: open, claim by lease, extend, finish. The database's clock decides every lease.

Whoever works calls :func:`extend` first in each of its transactions: the row stays locked until the commit, so a
second worker can never write beside the first, however late the first one wakes up.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, DateTime, and_, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns import queue
from campaigns.errors import Conflict
from campaigns.models.work import Work, WorkKind, WorkState

OPEN = (WorkState.waiting, WorkState.running)


class LeaseLost(Conflict):
    """Another worker has taken the work over; stop at once and write nothing."""

    code = "lease_lost"


def open_work(session: Session, *, kind: WorkKind, subject_id: int, params: dict[str, Any], now: datetime) -> int:
    """Return the id of the open work of ``kind`` on ``subject_id``, made now unless there is one already.

    Its wake-up is pushed after the commit.
    """
    values = {"kind": kind, "subject_id": subject_id, "params": params, "created_at": now}
    made = insert(Work).values(**values, due_at=_database_now(), state=WorkState.waiting, attempts=0, progress_done=0)
    work_id = session.scalar(
        made.on_conflict_do_nothing(
            index_elements=["kind", "subject_id"], index_where=Work.state.in_(["waiting", "running"])
        ).returning(Work.id)
    )
    if work_id is None:
        is_same = and_(Work.kind == kind, Work.subject_id == subject_id, Work.state.in_(OPEN))
        work_id = session.scalars(select(Work.id).where(is_same)).one()
    queue.enqueue(session, queue.WORK, work_id=work_id)
    return work_id


def _database_now() -> ColumnElement[datetime]:
    """The database's clock as it runs on inside a transaction (``now()`` stands still)."""
    return cast(func.clock_timestamp(), DateTime(timezone=True))


def _is_free() -> ColumnElement[bool]:
    return or_(
        and_(Work.state == WorkState.waiting, Work.due_at <= _database_now()),
        and_(Work.state == WorkState.running, Work.lease_until < _database_now()),
    )


def list_due(session: Session, *, limit: int) -> list[int]:
    """Return the ids of work that nobody holds and that is due, the longest waiting first."""
    return list(session.scalars(select(Work.id).where(_is_free()).order_by(Work.due_at, Work.id).limit(limit)))


def claim_work(session: Session, *, work_id: int, lease_seconds: float) -> UUID | None:
    """Return the token of a lease on the work, or None when it is done, not due or in another's hands."""
    token = uuid4()
    claim = (
        update(Work)
        .where(Work.id == work_id, _is_free())
        .values(
            state=WorkState.running,
            token=token,
            lease_until=_database_now() + timedelta(seconds=lease_seconds),
            attempts=Work.attempts + 1,
        )
        .returning(Work.id)
    )
    return token if session.scalar(claim) is not None else None


def _change(session: Session, work_id: int, held_by: UUID, **values: Any) -> None:
    held = and_(Work.id == work_id, Work.token == held_by, Work.state == WorkState.running)
    if session.scalar(update(Work).where(held).values(**values).returning(Work.id)) is None:
        raise LeaseLost(f"Work {work_id} was taken over by another worker.")


def extend(
    session: Session,
    *,
    work_id: int,
    token: UUID,
    lease_seconds: float,
    progress_done: int | None = None,
    progress_total: int | None = None,
) -> None:
    """Lengthen the lease and lock the row until the commit; raises :class:`LeaseLost`."""
    values: dict[str, Any] = {"lease_until": _database_now() + timedelta(seconds=lease_seconds)}
    if progress_done is not None:
        values["progress_done"] = progress_done
    if progress_total is not None:
        values["progress_total"] = progress_total
    _change(session, work_id, token, **values)


def release(session: Session, *, work_id: int, token: UUID, due_at: datetime) -> None:
    """Hand unfinished work back, to be taken up again from ``due_at``; raises :class:`LeaseLost`."""
    _change(session, work_id, token, state=WorkState.waiting, due_at=due_at, lease_until=None, token=None)


def finish(session: Session, *, work_id: int, token: UUID, now: datetime) -> None:
    """Mark the work done; raises :class:`LeaseLost`."""
    _change(session, work_id, token, state=WorkState.done, lease_until=None, finished_at=now)


def fail(session: Session, *, work_id: int, token: UUID, error: str, now: datetime) -> None:
    """Give the work up with a sentence that says why; raises :class:`LeaseLost`."""
    _change(session, work_id, token, state=WorkState.failed, lease_until=None, finished_at=now, error=error)
