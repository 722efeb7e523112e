"""Idempotency-Key: the first answer is kept in the transaction of its effect and given again.

After draft-ietf-httpapi-idempotency-key-header: the same key with another request is refused with 422.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from campaigns.errors import InvalidInput
from campaigns.models.api_token import IdempotentAnswer

MAX_KEY_CHARACTERS = 255


class KeyReused(InvalidInput):
    """The same Idempotency-Key came with another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class KeyedRequest:
    """Which token asked what under which key."""

    token_id: int
    key: str
    digest: bytes


def keyed_request(*, token_id: int, key: str, method: str, path: str, body: bytes) -> KeyedRequest:
    """Return the keyed request; raises :class:`InvalidInput` for an empty or overlong key."""
    if not key or len(key) > MAX_KEY_CHARACTERS or not key.isprintable():
        raise InvalidInput("Idempotency-Key must be 1 to 255 printable characters.", field="Idempotency-Key")
    digest = hashlib.sha256(b"\0".join([method.encode(), path.encode(), body])).digest()
    return KeyedRequest(token_id, key, digest)


def find_answer(session: Session, *, request: KeyedRequest) -> tuple[int, dict[str, Any]] | None:
    """Return the status and body kept for this key, or None; a second request waits here for the first.

    Raises :class:`KeyReused`.
    """
    lock = hashlib.sha256(f"{request.token_id}\0{request.key}".encode()).digest()[:8]
    session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(lock, "big", signed=True))))
    kept = session.get(IdempotentAnswer, (request.token_id, request.key))
    if kept is None:
        return None
    if kept.request_hash != request.digest:
        raise KeyReused("This Idempotency-Key was used for another request: choose a new one.")
    return kept.status, kept.body


def keep_answer(session: Session, *, request: KeyedRequest, status: int, body: dict[str, Any], now: datetime) -> None:
    """Keep the answer beside its effect."""
    session.add(
        IdempotentAnswer(
            token_id=request.token_id,
            key=request.key,
            request_hash=request.digest,
            status=status,
            body=body,
            created_at=now,
        )
    )
