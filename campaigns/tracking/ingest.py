"""Hits become events."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from campaigns.models.campaign import Campaign
from campaigns.models.contact import Contact
from campaigns.models.hit import Hit
from campaigns.models.mailing_list import TrackingMode
from campaigns.models.message import Message
from campaigns.settings import get_settings
from campaigns.tracking.acts import HIT_SOURCE, act_of, make_features
from campaigns.tracking.verdicts import judge_alone

STORE = text(
    """
    INSERT INTO event (occurred_at, source, source_id, kind, contact_id, campaign_id, seq, link, verdict,
        verdict_reason, verdict_params, verdict_version, settles_at, features, data, created_at)
    SELECT * FROM jsonb_to_recordset(:events) AS made (
        occurred_at timestamptz, source text, source_id text, kind text, contact_id bigint, campaign_id integer,
        seq integer, link smallint, verdict text, verdict_reason text, verdict_params jsonb,
        verdict_version smallint, settles_at timestamptz, features jsonb, data jsonb, created_at timestamptz
    )
    ON CONFLICT DO NOTHING
    """
).bindparams(bindparam("events", type_=JSONB))
MARK_INGESTED = text(
    """
    UPDATE hit SET ingested_at = :now FROM jsonb_to_recordset(:hits) AS done (received_at timestamptz, id uuid)
    WHERE hit.received_at = done.received_at AND hit.id = done.id
    """
).bindparams(bindparam("hits", type_=JSONB))


@dataclass(frozen=True)
class _Known:
    """A hit with the message it belongs to; ``contact_id`` is None for somebody who was erased."""

    hit: Hit
    contact_id: int | None
    mode: str | None


def ingest_hits(session: Session, *, now: datetime, limit: int = 2000) -> int:
    """Make events of up to ``limit`` hits, oldest first, and return how many hits were looked at.

    A hit whose message is unknown stays a hit. The verdict is preliminary: it settles ``settle_seconds`` after the
    hit came in, for hits from the local inbox at once. Several may work at a time; a replay changes nothing.
    """
    hits = list(
        session.scalars(
            select(Hit)
            .where(Hit.ingested_at.is_(None))
            .order_by(Hit.received_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )
    rows = [_event_row(known, now) for known in _find_messages(session, hits)]
    if rows:
        session.execute(STORE, {"events": rows})
    if hits:
        keys = [{"received_at": hit.received_at.isoformat(), "id": str(hit.id)} for hit in hits]
        session.execute(MARK_INGESTED, {"hits": keys, "now": now})
        session.expire_all()
    return len(hits)


def _find_messages(session: Session, hits: list[Hit]) -> list[_Known]:
    wanted = {(hit.campaign_id, hit.seq) for hit in hits}
    if not wanted:
        return []
    found = session.execute(
        select(Message.campaign_id, Message.seq, Contact.id, Campaign.tracking_mode)
        .join(Campaign, Campaign.id == Message.campaign_id)
        .outerjoin(Contact, Contact.id == Message.contact_id)
        .where(tuple_(Message.campaign_id, Message.seq).in_(sorted(wanted)))
    )
    messages = {(campaign_id, seq): (contact_id, mode) for campaign_id, seq, contact_id, mode in found}
    return [_Known(hit, *messages[key]) for hit in hits if (key := (hit.campaign_id, hit.seq)) in messages]


def _event_row(known: _Known, now: datetime) -> dict[str, Any]:
    hit = known.hit
    features = make_features(
        method=hit.method,
        agent=hit.user_agent,
        purpose=hit.purpose,
        address=hit.address,
        is_from_inbox=hit.from_inbox,
    )
    judgement = judge_alone(
        act_of(key=str(hit.id), kind=hit.kind, occurred_at=hit.received_at, link=hit.link, features=features)
    )
    # Where nobody may be known, or nobody is kept any more, it counts for the campaign alone (rules G1, G2).
    is_personal = known.mode != TrackingMode.aggregate and known.contact_id is not None
    wait = timedelta(0) if hit.from_inbox else timedelta(seconds=get_settings().settle_seconds)
    return {
        "occurred_at": hit.received_at.isoformat(),
        "source": HIT_SOURCE,
        "source_id": str(hit.id),
        "kind": hit.kind,
        "contact_id": known.contact_id if is_personal else None,
        "campaign_id": hit.campaign_id,
        "seq": hit.seq if is_personal else None,
        "link": hit.link,
        "verdict": judgement.verdict,
        "verdict_reason": judgement.why,
        "verdict_params": dict(judgement.params),
        "verdict_version": judgement.version,
        "settles_at": (hit.received_at + wait).isoformat(),
        "features": features,
        "data": {},
        "created_at": now.isoformat(),
    }
