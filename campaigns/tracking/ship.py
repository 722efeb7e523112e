"""Kept hits become rows, once each."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from campaigns import queue
from campaigns.hits import id_milliseconds
from campaigns.models.hit import HitKind

log = logging.getLogger(__name__)

# One statement and no temporary table: those would swell the catalogue, a thousand times an hour.
STORE = text(
    """
    INSERT INTO hit (received_at, id, kind, campaign_id, seq, link, method, address, user_agent, purpose, from_inbox)
    SELECT received_at, id, kind, campaign, seq, link, method, address, agent, purpose, inbox
    FROM jsonb_to_recordset(:hits) AS kept (
        received_at timestamptz, id uuid, kind text, campaign integer, seq integer, link smallint, method text,
        address text, agent text, purpose text, inbox boolean
    )
    ON CONFLICT (received_at, id) DO NOTHING
    """
).bindparams(bindparam("hits", type_=JSONB))


@dataclass(frozen=True)
class Shipped:
    """``stored`` rows are new; ``repeated`` were here already; ``unreadable`` records are no hits at all."""

    stored: int
    repeated: int
    unreadable: int


def ship_hits(session: Session, *, records: Sequence[Mapping[str, Any]]) -> Shipped:
    """Store the records of a segment as hits and wake the ingest; what was stored before is left as it is.

    The time of a hit is the one inside its id, so a second shipping after a kill finds the very same row.
    """
    readable = [row for record in records if (row := _read(record)) is not None]
    stored = 0
    if readable:
        result = cast(CursorResult[Any], session.execute(STORE, {"hits": readable}))
        stored = result.rowcount
    if stored:
        queue.enqueue(session, queue.INGEST)
    if len(readable) < len(records):
        log.error("%d records of the hit spool are no hits and were passed over", len(records) - len(readable))
    return Shipped(stored, len(readable) - stored, len(records) - len(readable))


def _read(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a record as a row, or None where it is none: one bad line must not hold up the others."""
    try:
        hit_id = UUID(record["id"])
        milliseconds = id_milliseconds(hit_id)
        return {
            **{name: record[name] for name in ("campaign", "seq", "link", "method", "address", "inbox")},
            "kind": HitKind(record["kind"]).value,
            "id": str(hit_id),
            "received_at": datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(),
            "agent": _storable(record["agent"]),
            "purpose": _storable(record["purpose"]),
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _storable(value: str) -> str:
    """Return a string without what PostgreSQL refuses: NUL and lone surrogates."""
    return value.replace("\0", " ").encode("utf-8", "replace").decode()
