"""Suppressions: addresses that must not be mailed."""

from datetime import datetime

from pydantic import Field
from sqlalchemy.orm import Session

from campaigns.contacts import suppress
from campaigns.contacts.addresses import normalise
from campaigns.models.suppression import Suppression, SuppressionReason
from web.api.keys import key_ring
from web.api.operation import Operations
from web.api.paging import PageQuery, make_cursor, read_cursor
from web.api.shape import Answer, Input, Instant

operations = Operations("suppressions")


class SuppressionIn(Input):
    """An address that must not be mailed any more."""

    email: str
    reason: SuppressionReason = SuppressionReason.manual


class SuppressionOut(Answer):
    hint: str = Field(description="The address, masked; empty after an erasure.")
    reason: str
    source: str
    created_at: Instant


class SuppressionsOut(Answer):
    items: list[SuppressionOut]
    next_cursor: str | None


class SuppressionQuery(PageQuery):
    email: str | None = Field(None, description="Look one address up.")
    reason: SuppressionReason | None = None


@operations.get("/suppressions")
def list_suppressions(session: Session, *, query: SuppressionQuery) -> SuppressionsOut:
    """List suppressed addresses, the newest first, or look one up."""
    position = read_cursor(query.cursor, str, str)
    page = suppress.list_suppressions(
        session,
        address_hash=key_ring().address_hash(normalise(query.email).key) if query.email else None,
        reason=query.reason,
        after=(datetime.fromisoformat(position[0]), bytes.fromhex(position[1])) if position else None,
        limit=query.limit,
    )
    more = make_cursor(page.next_after[0].isoformat(), page.next_after[1].hex()) if page.next_after else None
    return SuppressionsOut(items=[SuppressionOut.model_validate(row) for row in page.rows], next_cursor=more)


@operations.post("/suppressions", status=201, idempotent=True)
def create_suppression(session: Session, *, body: SuppressionIn, now: datetime) -> SuppressionOut:
    """Suppress an address; a stronger reason replaces a weaker one."""
    suppress.suppress_address(session, email=body.email, reason=body.reason, source="api", key_ring=key_ring(), now=now)
    row = _find(session, body.email)
    return SuppressionOut.model_validate(row)


@operations.delete("/suppressions/{email}", role="owner")
def remove_suppression(session: Session, *, email: str) -> None:
    """Let an address be mailed again."""
    suppress.remove_suppression(session, address_hash=key_ring().address_hash(normalise(email).key))


def _find(session: Session, email: str) -> Suppression | None:
    return suppress.find_suppression(session, address_hash=key_ring().address_hash(normalise(email).key))
