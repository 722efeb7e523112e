"""Durable work: one worker at a time, by lease."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from campaigns import queue, work
from campaigns.models.work import Work, WorkKind

NOW = datetime(2020, 1, 1, tzinfo=UTC)


def open_import(session: Session, **changes: Any) -> int:
    values: dict[str, Any] = {"kind": WorkKind.import_contacts, "subject_id": 5, "params": {}, "now": NOW}
    return work.open_work(session, **{**values, **changes})


def test_opening_twice_gives_the_same_work_and_one_wake_up(session: Session) -> None:
    first = open_import(session)
    assert open_import(session) == first
    assert open_import(session, subject_id=6) != first
    woken = [job.arguments["work_id"] for job in queue.take_collected(session)]
    assert woken[0] == first
    assert len(woken) == 2


def test_work_is_claimed_once_and_again_only_after_its_lease(session: Session) -> None:
    work_id = open_import(session)
    assert work.list_due(session, limit=10) == [work_id]
    token = work.claim_work(session, work_id=work_id, lease_seconds=60)
    assert token is not None
    assert work.claim_work(session, work_id=work_id, lease_seconds=60) is None
    assert work.list_due(session, limit=10) == []

    work.extend(session, work_id=work_id, token=token, lease_seconds=-1)
    assert work.list_due(session, limit=10) == [work_id]
    second = work.claim_work(session, work_id=work_id, lease_seconds=60)
    assert second not in (None, token)
    with pytest.raises(work.LeaseLost):
        work.extend(session, work_id=work_id, token=token, lease_seconds=60)
    with pytest.raises(work.LeaseLost):
        work.finish(session, work_id=work_id, token=token, now=NOW)


def test_finished_work_is_never_due_and_may_be_opened_anew(session: Session) -> None:
    work_id = open_import(session)
    token = work.claim_work(session, work_id=work_id, lease_seconds=60)
    assert token is not None
    work.finish(session, work_id=work_id, token=token, now=NOW)
    assert work.claim_work(session, work_id=work_id, lease_seconds=60) is None
    assert open_import(session) != work_id


def test_work_handed_back_waits_until_it_is_due(session: Session) -> None:
    work_id = open_import(session)
    token = work.claim_work(session, work_id=work_id, lease_seconds=60)
    assert token is not None
    work.release(session, work_id=work_id, token=token, due_at=datetime.now(UTC) + timedelta(hours=1))
    assert work.list_due(session, limit=10) == []
    session.execute(update(Work).values(due_at=NOW))
    assert work.list_due(session, limit=10) == [work_id]
