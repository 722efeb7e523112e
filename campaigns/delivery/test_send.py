"""Test sends: a campaign's mail as one contact would get it, to addresses of one's own; scores nobody."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from secrets import token_hex

from sqlalchemy.orm import Session

from campaigns.contacts.addresses import normalise
from campaigns.delivery.compile_revision import attribute_kinds
from campaigns.delivery.mail_context import load_context
from campaigns.delivery.outbox import queue_mail
from campaigns.delivery.preview_campaign import find_source, invented_recipient
from campaigns.delivery.recipients import load_recipient
from campaigns.errors import InvalidInput
from campaigns.rendering.content import Recipient
from campaigns.rendering.prepare import prepare
from campaigns.rendering.sandbox import compile_in_child
from campaigns.settings import get_settings
from campaigns.signing import KeyRing

MOST_ADDRESSES = 20
PREFIX = "[Test] "


class CannotSendTest(InvalidInput):
    """A test mail was asked for that cannot be sent."""

    code = "cannot_send_test"


def send_test(
    session: Session,
    *,
    campaign_id: int,
    to_emails: Sequence[str],
    as_contact_id: int | None,
    language: str | None,
    key_ring: KeyRing,
    now: datetime,
) -> int:
    """Put test mails into the outbox and return how many.

    The subject begins with ``[Test]``, links lead straight to their targets, and nothing in the mail counts or
    unsubscribes anybody. Without ``as_contact_id`` an invented reader stands in. Raises :class:`CannotSendTest`,
    ``ContentErrors``, ``MissingValue`` and ``InvalidAddress``.
    """
    if not 1 <= len(to_emails) <= MOST_ADDRESSES:
        raise CannotSendTest(f"Give one to {MOST_ADDRESSES} addresses for the test.", field="to_emails")
    source = find_source(session, campaign_id=campaign_id, language=language)
    recipient = _find_recipient(session, as_contact_id, source.language)
    context = replace(
        load_context(session, campaign_id=campaign_id, public_url=get_settings().effective_public_url), tracking=False
    )
    marked = replace(source, subject=PREFIX + source.subject)
    prepared = prepare(compile_in_child(marked, attributes=attribute_kinds(session)), context, key_ring)
    for email in to_emails:
        to = normalise(email).email
        filled = prepared.fill(replace(recipient, email=to), seq=0, unsubscribe_token=None, now=now)
        queue_mail(
            session,
            kind="test",
            to_email=filled.envelope_to,
            envelope_from=context.from_email,
            raw=filled.raw,
            idempotency_key=f"test:{campaign_id}:{token_hex(8)}",
            now=now,
            campaign_id=campaign_id,
        )
    return len(to_emails)


def _find_recipient(session: Session, contact_id: int | None, language: str) -> Recipient:
    if contact_id is not None:
        return load_recipient(session, contact_id=contact_id, language=language)
    return invented_recipient(language)
