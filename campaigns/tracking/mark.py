"""First-open and first-click marks of messages, for people and for machines."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

# The person's first click counts as an open when no picture was loaded before it: who clicks has read.
FIRST_TIMES = """
    SELECT message.campaign_id, message.seq,
        min(event.occurred_at) FILTER (WHERE event.verdict = 'person') AS opened_at,
        min(event.occurred_at) FILTER (WHERE event.verdict = 'person' AND event.kind = 'click') AS clicked_at,
        min(event.occurred_at) FILTER (WHERE event.verdict = 'machine' AND event.kind = 'open') AS machine_opened_at,
        min(event.occurred_at) FILTER (WHERE event.verdict = 'machine' AND event.kind = 'click') AS machine_clicked_at
    FROM jsonb_to_recordset(:messages) AS wanted (campaign_id integer, seq integer)
    JOIN message ON message.campaign_id = wanted.campaign_id AND message.seq = wanted.seq
    LEFT JOIN event ON event.contact_id = message.contact_id AND event.campaign_id = message.campaign_id
        AND event.seq = message.seq AND event.settled_at IS NOT NULL AND event.kind IN ('open', 'click')
        AND event.occurred_at >= :since
    GROUP BY message.campaign_id, message.seq
"""
MARK = f"""
    UPDATE message SET opened_at = {{opened_at}}, clicked_at = {{clicked_at}},
        machine_opened_at = {{machine_opened_at}}, machine_clicked_at = {{machine_clicked_at}}
    FROM ({FIRST_TIMES}) AS first
    WHERE message.campaign_id = first.campaign_id AND message.seq = first.seq
        AND (message.opened_at, message.clicked_at, message.machine_opened_at, message.machine_clicked_at)
        IS DISTINCT FROM ({{opened_at}}, {{clicked_at}}, {{machine_opened_at}}, {{machine_clicked_at}})
"""  # noqa: S608 - only the column names below are filled in
COLUMNS = ("opened_at", "clicked_at", "machine_opened_at", "machine_clicked_at")
ADD = MARK.format(**{name: f"least(message.{name}, first.{name})" for name in COLUMNS})
SET = MARK.format(**{name: f"first.{name}" for name in COLUMNS})
LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def mark_messages(
    session: Session, *, settled: Collection[tuple[int, int]], revised: Collection[tuple[int, int]], since: datetime
) -> None:
    """Write the marks of messages, each named by campaign and seq.

    ``settled`` ones got settled events, none before ``since``: their marks can only appear or become earlier.
    ``revised`` ones had a verdict turned round: their marks are made anew from all their events.
    """
    _run(session, ADD, [key for key in settled if key not in revised], since)
    _run(session, SET, revised, LONG_AGO)


def _run(session: Session, statement: str, messages: Collection[tuple[int, int]], since: datetime) -> None:
    if not messages:
        return
    rows: list[dict[str, Any]] = [{"campaign_id": campaign_id, "seq": seq} for campaign_id, seq in sorted(messages)]
    prepared = text(statement).bindparams(bindparam("messages", type_=JSONB))
    session.execute(prepared, {"messages": rows, "since": since})
