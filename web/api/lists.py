"""Lists: what contacts subscribe to, on whose behalf campaigns are sent."""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from pydantic import Field
from sqlalchemy.orm import Session

from campaigns.contacts import lists, membership
from campaigns.contacts.lists import ListCounts, ListFields
from campaigns.ids import decode_id, encode_id
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import MembershipState
from web.api.operation import Operations
from web.api.shape import Answer, Input, Instant, given

operations = Operations("lists")

TrackingModeName = Literal["none", "aggregate", "individual"]


class ListIn(Input):
    """A new list."""

    name: str
    description: str = ""
    sender: str | None = None
    tracking_mode: TrackingModeName = "individual"
    tracking_needs_consent: bool = False
    double_opt_in: bool = True


class ListChange(Input):
    name: str | None = None
    description: str | None = None
    sender: str | None = None
    tracking_mode: TrackingModeName | None = None
    tracking_needs_consent: bool | None = None
    double_opt_in: bool | None = None


class ListOut(Answer):
    id: str
    name: str
    description: str
    list_id: str = Field(description="The stable left part of the List-Id header (RFC 2919).")
    sender: str | None
    tracking_mode: str
    tracking_needs_consent: bool
    double_opt_in: bool
    pending: int
    confirmed: int
    unsubscribed: int
    created_at: Instant


class ListsOut(Answer):
    items: list[ListOut]


class MemberIn(Input):
    """A subscription with the consent behind it (rule G1)."""

    consent_source: str
    consent_text: str | None = None
    consent_ip: str | None = None
    consent_at: datetime | None = None
    tracking_consent: bool | None = None
    state: Literal["confirmed", "pending"] = "confirmed"
    own_wish: bool = Field(False, description="The person asked for it now: also brings back who unsubscribed.")


class MemberOut(Answer):
    outcome: str = Field(description="subscribed, confirmed, resubscribed, unchanged or kept_unsubscribed.")


def show(row: MailingList, counts: ListCounts) -> ListOut:
    same = ("name", "description", "list_id", "tracking_mode", "tracking_needs_consent", "double_opt_in", "created_at")
    return ListOut.model_validate(
        {
            **{name: getattr(row, name) for name in same},
            "id": encode_id("list", row.id),
            "sender": encode_id("sender", row.sender_id) if row.sender_id else None,
            "pending": counts.pending,
            "confirmed": counts.confirmed,
            "unsubscribed": counts.unsubscribed,
        }
    )


@operations.get("/lists")
def list_lists(session: Session) -> ListsOut:
    """List the lists with their members by state."""
    counts = lists.count_members(session)
    return ListsOut(items=[show(row, counts.get(row.id, ListCounts())) for row in lists.list_lists(session)])


@operations.get("/lists/{list_id}")
def get_list(session: Session, *, list_id: str) -> ListOut:
    """Show one list."""
    row = lists.get_list(session, list_id=decode_id("list", list_id))
    return show(row, lists.count_members(session).get(row.id, ListCounts()))


@operations.post("/lists", status=201, idempotent=True)
def create_list(session: Session, *, body: ListIn, now: datetime) -> ListOut:
    """Make a list."""
    values = body.model_dump(exclude={"sender"})
    sender_id = decode_id("sender", body.sender) if body.sender else None
    row = lists.create_list(session, fields=ListFields(sender_id=sender_id, **values), now=now)
    return show(row, ListCounts())


@operations.patch("/lists/{list_id}")
def change_list(session: Session, *, list_id: str, body: ListChange) -> ListOut:
    """Change a list; null leaves a field as it is, but takes the sender away."""
    row = lists.get_list(session, list_id=decode_id("list", list_id))
    present = ListFields(
        name=row.name,
        description=row.description,
        sender_id=row.sender_id,
        tracking_mode=row.tracking_mode,
        tracking_needs_consent=row.tracking_needs_consent,
        double_opt_in=row.double_opt_in,
    )
    changes = {name: value for name, value in given(body).items() if value is not None or name == "sender"}
    if "sender" in changes:
        sender = changes.pop("sender")
        changes["sender_id"] = decode_id("sender", sender) if sender else None
    lists.update_list(session, list_id=row.id, fields=replace(present, **changes))
    return get_list(session, list_id=list_id)


@operations.put("/lists/{list_id}/members/{contact_id}")
def subscribe_contact(session: Session, *, list_id: str, contact_id: str, body: MemberIn, now: datetime) -> MemberOut:
    """Put a contact on a list, with the consent behind it."""
    outcome = membership.subscribe(
        session,
        contact_id=decode_id("contact", contact_id),
        list_id=decode_id("list", list_id),
        consent=membership.Consent(
            body.consent_source, body.consent_text, body.consent_ip, body.consent_at, body.tracking_consent
        ),
        state=MembershipState(body.state),
        is_own_wish=body.own_wish,
        now=now,
    )
    return MemberOut(outcome=outcome)


@operations.delete("/lists/{list_id}/members/{contact_id}")
def unsubscribe_contact(session: Session, *, list_id: str, contact_id: str, now: datetime) -> None:
    """Unsubscribe a contact from one list."""
    membership.end_membership(
        session,
        contact_id=decode_id("contact", contact_id),
        list_id=decode_id("list", list_id),
        source="api",
        now=now,
    )
