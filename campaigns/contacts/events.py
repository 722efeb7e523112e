"""Events that contacts cause without a hit: they are settled at once and move the score."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.models.event import Event, EventKind, Verdict
from campaigns.models.score_due import ask_for_scores


def record_event(
    session: Session,
    *,
    kind: EventKind,
    contact_id: int,
    list_id: int,
    now: datetime,
    campaign_id: int = 0,
    seq: int = 0,
) -> None:
    """Write one settled human event about a membership and ask for the contact's score to be folded again.

    The same fact at the same instant is one row.
    """
    source_id = f"{list_id}.{contact_id}.{campaign_id}.{seq}"
    values: dict[str, Any] = {
        "kind": kind,
        "contact_id": contact_id,
        "campaign_id": campaign_id or None,
        "seq": seq or None,
        "verdict": Verdict.person,
        "settled_at": now,
        "data": {"list_id": list_id},
        "features": {},
        "created_at": now,
    }
    made = insert(Event).values(occurred_at=now, source=kind.value, source_id=source_id, **values)
    session.execute(made.on_conflict_do_nothing())
    ask_for_scores(session, contact_ids=[contact_id])
