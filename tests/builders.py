"""Rows for tests, with every column filled in; a test names only what it is about."""

import itertools
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from campaigns import clock
from campaigns.models.campaign import Campaign, Content, Revision
from campaigns.models.contact import Attribute, Contact
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import Membership, MembershipState
from campaigns.models.segment import Segment
from campaigns.models.sender import Sender
from campaigns.models.user import Role, User
from campaigns.signing import KeyRing

KEY_RING = KeyRing.from_text("a fixed key that only tests know and that is long enough")
BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Hello {{ contact.given_name | default("friend") }},
<a href="https://shop.example/garden?x=1&amp;y=2">read on</a></mj-text>
<mj-text>{{ sender.company }}, {{ sender.postal_address }}.
<a href="{{ links.unsubscribe }}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>"""
_numbers = itertools.count(1)


def _add(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def make_user(session: Session, *, email: str = "owner@example.com", role: str = Role.owner, **columns: Any) -> User:
    values = {"email": email, "email_key": email.lower(), "name": email.split("@")[0].title(), "role": role}
    return _add(session, User(**{**values, "created_at": clock.now(), **columns}))


def make_sender(session: Session, **columns: Any) -> Sender:
    values = {
        "from_name": "Fern & Field",
        "from_email": "news@fernandfield.example",
        "reply_to": "hello@fernandfield.example",
        "company": "Fern & Field Ltd",
        "postal_address": "1 Garden Lane, Springfield",
        "language": "en",
        "created_at": clock.now(),
    }
    return _add(session, Sender(**{**values, **columns}))


def make_list(session: Session, *, sender: Sender | None = None, **columns: Any) -> MailingList:
    number = next(_numbers)
    values = {"name": f"Newsletter {number}", "list_id": f"list-{number}", "created_at": clock.now()}
    return _add(session, MailingList(**{**values, "sender_id": sender.id if sender else None, **columns}))


def make_attribute(session: Session, *, name: str, kind: str = "text") -> Attribute:
    return _add(session, Attribute(name=name, label=name.title(), kind=kind, created_at=clock.now()))


def make_contact(session: Session, *, email: str | None = None, **columns: Any) -> Contact:
    address = email or f"contact{next(_numbers)}@example.com"
    values = {
        "email": address,
        "address_key": address.lower(),
        "address_hash": KEY_RING.address_hash(address.lower()),
        "domain": address.rpartition("@")[2].lower(),
        "given_name": "Ada",
        "family_name": "Lovelace",
        "language": "en",
        "time_zone": "Europe/London",
        "attributes": {},
        "sort_key": "lovelace ada",
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }
    return _add(session, Contact(**{**values, **columns}))


def make_membership(
    session: Session,
    *,
    mailing_list: MailingList,
    contact: Contact,
    state: str = MembershipState.confirmed,
    **columns: Any,
) -> Membership:
    now = clock.now()
    values = {"list_id": mailing_list.id, "contact_id": contact.id, "state": state, "source": "test"}
    times = {"consent_at": now, "confirmed_at": now, "created_at": now, "updated_at": now}
    return _add(session, Membership(**{**values, **times, **columns}))


def make_member(session: Session, *, mailing_list: MailingList, email: str | None = None, **columns: Any) -> Contact:
    """A contact who is a confirmed member of the list."""
    contact = make_contact(session, email=email, **columns)
    make_membership(session, mailing_list=mailing_list, contact=contact)
    return contact


def make_segment(session: Session, *, rules: dict[str, Any], name: str = "Segment") -> Segment:
    now = clock.now()
    return _add(session, Segment(name=name, rules=rules, created_at=now, updated_at=now))


def make_campaign(
    session: Session,
    *,
    mailing_list: MailingList,
    sender: Sender,
    subject: str = "Autumn letter",
    body: str = BODY,
    now: datetime | None = None,
    **columns: Any,
) -> Campaign:
    """A draft campaign with one revision in English."""
    at = now or clock.now()
    values = {"name": "Autumn letter", "list_id": mailing_list.id, "sender_id": sender.id, "default_language": "en"}
    campaign = _add(session, Campaign(**{**values, "created_at": at, "updated_at": at, **columns}))
    _add(session, Revision(campaign_id=campaign.id, number=1, created_at=at))
    _add(
        session,
        Content(
            campaign_id=campaign.id,
            revision=1,
            variant=0,
            language="en",
            language_code=0,
            subject=subject,
            preheader="Three quiet jobs for the garden",
            body_format="mjml",
            body=body,
            updated_at=at,
        ),
    )
    return campaign
