"""System mail: sent once, by its key, and honest about doubt."""

from sqlalchemy import select, update

from campaigns import clock
from campaigns.db import read_session, transaction
from campaigns.delivery.outbox import deliver_due, queue_mail
from campaigns.delivery.smtp import open_transport
from campaigns.delivery.test_send import send_test
from campaigns.models.outbox import OutboxMail
from campaigns.settings import get_settings
from tests.delivery.conftest import Sending
from tests.smtp_sink import SmtpSink

RAW = b"From: a@shop.example\r\nSubject: Hello\r\n\r\n.leading dot\r\n..two\r\n"


def put(key: str) -> bool:
    with transaction() as session:
        return queue_mail(
            session,
            kind="notice",
            to_email="owner@shop.example",
            envelope_from="a@shop.example",
            raw=RAW,
            idempotency_key=key,
            now=clock.now(),
        )


def deliver() -> int:
    return deliver_due(settings=get_settings(), transport=open_transport(get_settings()))


def states() -> list[str]:
    with read_session() as session:
        return list(session.scalars(select(OutboxMail.state).order_by(OutboxMail.id)))


def test_the_same_key_is_sent_once_and_byte_for_byte(sending: Sending, sink: SmtpSink) -> None:
    assert put("one")
    assert not put("one")
    assert deliver() == 1
    assert deliver() == 0
    assert [mail.raw for mail in sink.mails] == [RAW]
    assert states() == ["sent"]


def test_what_was_lost_after_the_dot_is_not_sent_again(sending: Sending, sink: SmtpSink) -> None:
    sink.script = lambda verb, address: "close-after-keeping" if verb == "end" else None
    put("one")
    deliver()
    deliver()
    assert len(sink.mails) == 1
    assert states() == ["uncertain"]


def test_a_deferred_mail_waits_and_goes(sending: Sending, sink: SmtpSink) -> None:
    sink.script = lambda verb, address: "451 4.2.1 later" if verb == "rcpt" else None
    put("one")
    deliver()
    assert states() == ["waiting"]
    sink.script = lambda verb, address: None
    assert deliver() == 0
    with transaction() as session:
        session.execute(update(OutboxMail).values(due_at=clock.now()))
    assert deliver() == 1
    assert states() == ["sent"]


def test_a_test_send_is_marked_and_holds_no_working_token(sending: Sending, sink: SmtpSink) -> None:
    with transaction() as session:
        number = send_test(
            session,
            campaign_id=sending.campaign_id,
            to_emails=["colleague@shop.example"],
            as_contact_id=None,
            language=None,
            key_ring=sending.key_ring,
            now=clock.now(),
        )
    assert (number, deliver()) == (1, 1)
    [mail] = sink.mails
    assert mail.to == "colleague@shop.example"
    assert b"Subject: [Test] Autumn letter" in mail.raw
    for piece in (b"/o/", b"/c/", b"/u/", b"List-Unsubscribe"):
        assert piece not in mail.raw
