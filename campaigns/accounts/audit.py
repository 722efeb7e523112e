"""The audit trail: who did what, when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from campaigns.models.audit import AuditEntry


@dataclass(frozen=True)
class Actor:
    """Who acts: a user, an API token, or the machine itself. ``name`` is what the trail shows for ever."""

    name: str
    user_id: int | None = None
    token_id: int | None = None
    network: str | None = None


MACHINE = Actor("tidings")


def record(
    session: Session,
    *,
    actor: Actor,
    action: str,
    now: datetime,
    subject: str = "",
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Note a deed in the caller's transaction.

    ``action`` reads ``thing.deed`` (``campaign.started``); ``subject`` is a public id; ``detail`` never holds a
    secret.
    """
    entry = AuditEntry(
        at=now,
        user_id=actor.user_id,
        token_id=actor.token_id,
        actor=actor.name,
        action=action,
        subject=subject,
        detail=dict(detail or {}),
        network=actor.network,
    )
    session.add(entry)
    session.flush()
    return entry


def list_entries(
    session: Session, *, before_id: int | None = None, subject: str | None = None, limit: int = 50
) -> Sequence[AuditEntry]:
    """Return entries, the newest first, older than ``before_id`` and about ``subject`` where given."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    return session.scalars(query).all()
