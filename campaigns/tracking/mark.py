"""First-open and first-click marks of messages, for people and for machines."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from campaigns.models.event import EventKind, Verdict

COLUMNS = ("opened_at", "clicked_at", "machine_opened_at", "machine_clicked_at")
MARK = """
    UPDATE message SET opened_at = {opened_at}, clicked_at = {clicked_at},
        machine_opened_at = {machine_opened_at}, machine_clicked_at = {machine_clicked_at}
    FROM jsonb_to_recordset(:marks) AS first (campaign_id integer, seq integer, opened_at timestamptz,
        clicked_at timestamptz, machine_opened_at timestamptz, machine_clicked_at timestamptz)
    WHERE message.campaign_id = first.campaign_id AND message.seq = first.seq
        AND (message.opened_at, message.clicked_at, message.machine_opened_at, message.machine_clicked_at)
        IS DISTINCT FROM ({opened_at}, {clicked_at}, {machine_opened_at}, {machine_clicked_at})
"""
ADD = MARK.format(**{name: f"least(message.{name}, first.{name})" for name in COLUMNS})
REPLACE = MARK.format(**{name: f"first.{name}" for name in COLUMNS})


@dataclass(frozen=True)
class SettledAct:
    """A settled open or click of one message."""

    campaign_id: int
    seq: int
    kind: str
    verdict: str
    occurred_at: datetime


def add_marks(session: Session, *, acts: Iterable[SettledAct]) -> None:
    """Let newly settled acts set their messages' marks, where there is none or a later one."""
    _write(session, ADD, _first_times(acts))


def replace_marks(session: Session, *, messages: Iterable[tuple[int, int]], acts: Iterable[SettledAct]) -> None:
    """Make the marks of ``messages`` (campaign, seq) anew from ``acts``, which are all that are settled of theirs."""
    nothing: dict[tuple[int, int], dict[str, datetime]] = {message: {} for message in messages}
    _write(session, REPLACE, {**nothing, **_first_times(acts)})


def _first_times(acts: Iterable[SettledAct]) -> Mapping[tuple[int, int], dict[str, datetime]]:
    """A person's click counts as an open too when no picture was loaded before it: who clicks has read."""
    times: dict[tuple[int, int], dict[str, datetime]] = {}
    for act in acts:
        is_click, is_person = act.kind == EventKind.click, act.verdict == Verdict.person
        columns = ["machine_clicked_at" if is_click else "machine_opened_at"]
        if is_person:
            columns = ["opened_at", "clicked_at"] if is_click else ["opened_at"]
        of_message = times.setdefault((act.campaign_id, act.seq), {})
        for column in columns:
            of_message[column] = min(act.occurred_at, of_message.get(column, act.occurred_at))
    return times


def _write(session: Session, statement: str, times: Mapping[tuple[int, int], Mapping[str, datetime]]) -> None:
    marks: list[dict[str, Any]] = [
        {"campaign_id": campaign_id, "seq": seq, **{name: at.isoformat() for name, at in first.items()}}
        for (campaign_id, seq), first in sorted(times.items())
    ]
    if marks:
        session.execute(text(statement).bindparams(bindparam("marks", type_=JSONB)), {"marks": marks})
