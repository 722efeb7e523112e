"""Senders: who mails come from."""

from datetime import datetime

from pydantic import Field
from sqlalchemy.orm import Session

from campaigns.accounts import senders
from campaigns.accounts.senders import SenderFields
from campaigns.ids import decode_id, encode_id
from campaigns.models.sender import Sender
from web.api.operation import Operations
from web.api.shape import Answer, Input, Instant, given

operations = Operations("senders")


class SenderIn(Input):
    """A From identity with what the law wants in every mail (rule G3)."""

    from_name: str = Field(max_length=200)
    from_email: str
    reply_to: str = ""
    company: str
    postal_address: str
    language: str = "en"


class SenderChange(Input):
    from_name: str | None = Field(None, max_length=200)
    from_email: str | None = None
    reply_to: str | None = None
    company: str | None = None
    postal_address: str | None = None
    language: str | None = None


class SenderOut(Answer):
    id: str
    from_name: str
    from_email: str
    reply_to: str | None
    company: str
    postal_address: str
    language: str
    created_at: Instant


class SendersOut(Answer):
    items: list[SenderOut]


def show(sender: Sender) -> SenderOut:
    return SenderOut.model_validate(
        {**{name: getattr(sender, name) for name in SenderOut.model_fields}, "id": encode_id("sender", sender.id)}
    )


@operations.get("/senders")
def list_senders(session: Session) -> SendersOut:
    """List the senders that are not archived."""
    return SendersOut(items=[show(row) for row in senders.list_senders(session)])


@operations.get("/senders/{sender_id}")
def get_sender(session: Session, *, sender_id: str) -> SenderOut:
    """Show one sender."""
    return show(senders.get_sender(session, sender_id=decode_id("sender", sender_id)))


@operations.post("/senders", status=201, idempotent=True)
def create_sender(session: Session, *, body: SenderIn, now: datetime) -> SenderOut:
    """Make a sender."""
    return show(senders.create_sender(session, fields=SenderFields(**body.model_dump()), now=now))


@operations.patch("/senders/{sender_id}")
def change_sender(session: Session, *, sender_id: str, body: SenderChange) -> SenderOut:
    """Change a sender; running campaigns take it up with their next batch."""
    row = senders.get_sender(session, sender_id=decode_id("sender", sender_id))
    present = {name: getattr(row, name) or "" for name in SenderChange.model_fields}
    changed = {name: value or "" for name, value in given(body).items()}
    return show(senders.change_sender(session, sender_id=row.id, fields=SenderFields(**{**present, **changed})))
