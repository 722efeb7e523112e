"""Asking for scores to be folded again, from any part of the engine."""

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns import queue
from campaigns.models.engagement import ScoreDue


def ask_for_scores(session: Session, *, contact_ids: Collection[int]) -> None:
    """Have these contacts' scores folded once this transaction is committed.

    A row that is there already is locked, not left alone: else a fold could take it, read the events before ours is
    committed, and our event would never be counted. The order of the ids keeps two askers from a deadlock.
    """
    if not contact_ids:
        return
    ids = select(func.unnest(sorted(set(contact_ids))).label("contact_id"))
    asked = insert(ScoreDue).from_select(["contact_id"], ids)
    session.execute(
        asked.on_conflict_do_update(index_elements=["contact_id"], set_={"contact_id": asked.excluded.contact_id})
    )
    queue.enqueue(session, queue.SCORE)
