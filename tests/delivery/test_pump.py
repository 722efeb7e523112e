"""Sending against a real database and a real SMTP server: every answer, and every change of mind on the way."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from campaigns import clock, lifecycle
from campaigns.db import read_session, transaction
from campaigns.delivery.messages import count_by_state_and_reason, list_answers, list_messages
from campaigns.models.contact import Contact
from campaigns.models.event import Event, EventKind
from campaigns.models.mailing_list import MailingList
from campaigns.models.membership import Membership, MembershipState
from campaigns.models.message import Batch, Message, MessageRetry, Reason
from campaigns.models.suppression import Suppression
from tests.builders import make_campaign, make_sender
from tests.delivery.conftest import Sending, check_sum
from tests.smtp_sink import SmtpSink

EVERYBODY = {f"p{number}@shop.example": 1 for number in range(120)}


def answer_to(verb: str, address: str, answer: str, *, times: int = 1000) -> Any:
    """A script that answers ``answer`` to one verb for one address, the first few times."""
    left = [times]

    def script(said: str, to: str) -> str | None:
        if (said, to) != (verb, address) or left[0] <= 0:
            return None
        left[0] -= 1
        return answer

    return script


def reasons(sending: Sending) -> dict[tuple[str, Reason], int]:
    with read_session() as session:
        return count_by_state_and_reason(session, campaign_id=sending.campaign_id)


def test_everyone_gets_exactly_one_mail(sending: Sending, sink: SmtpSink) -> None:
    sending.start()
    assert sending.pump() == 120
    assert sink.recipients() == EVERYBODY
    assert sink.connections == 1
    progress = sending.progress()
    assert (progress.candidates, progress.sent, progress.waiting) == (120, 120, 0)
    check_sum(progress)
    assert sending.pump() == 0


def test_mails_carry_their_own_tokens_and_bytes(sending: Sending, sink: SmtpSink) -> None:
    sending.start()
    sending.pump()
    senders = {mail.mail_from for mail in sink.mails}
    assert len(senders) == 120
    assert all(mail.mail_from.startswith("news+b-") for mail in sink.mails)
    assert all(b"\r\n" in mail.raw and b"\n" not in mail.raw.replace(b"\r\n", b"") for mail in sink.mails)


def test_a_server_without_pipelining_is_spoken_to_line_by_line(sending: Sending, sink: SmtpSink) -> None:
    sink.offers = ()
    sending.start()
    sending.pump()
    assert sink.recipients() == EVERYBODY


def test_a_refused_recipient_costs_that_recipient_alone(sending: Sending, sink: SmtpSink) -> None:
    sink.script = answer_to("rcpt", "p7@shop.example", "550 5.1.1 no such user")
    sending.start()
    sending.pump()
    assert sink.recipients() == {email: 1 for email in EVERYBODY if email != "p7@shop.example"}
    assert reasons(sending) == {("sent", Reason.none): 119, ("failed", Reason.refused_recipient): 1}
    check_sum(sending.progress())


def test_an_address_that_does_not_exist_is_suppressed_and_counts_as_a_bounce(sending: Sending, sink: SmtpSink) -> None:
    sink.script = answer_to("rcpt", "p7@shop.example", "550 5.1.1 no such user")
    sending.start()
    sending.pump()
    with read_session() as session:
        contact = session.scalars(select(Contact).where(Contact.email == "p7@shop.example")).one()
        assert session.scalars(select(Suppression.address_hash)).all() == [contact.address_hash]
        event = session.scalars(select(Event).where(Event.kind == EventKind.bounce)).one()
        assert event.contact_id == contact.id
        row = list_messages(session, campaign_id=sending.campaign_id, state="failed")[0]
        assert row.detail == "550 5.1.1 no such user"
        assert [each.answer for each in list_answers(session, campaign_id=sending.campaign_id, seq=row.seq)] == [
            "5.1.1 no such user"
        ]


def test_a_full_mailbox_is_no_reason_to_suppress(sending: Sending, sink: SmtpSink) -> None:
    sink.script = answer_to("rcpt", "p7@shop.example", "552 5.2.2 mailbox full")
    sending.start()
    sending.pump()
    with read_session() as session:
        assert session.scalars(select(Suppression.address_hash)).all() == []


@pytest.mark.parametrize("verb", ["rcpt", "data", "end"])
def test_a_deferred_message_is_tried_again_with_the_same_message_id(
    sending: Sending, sink: SmtpSink, verb: str
) -> None:
    sink.script = answer_to(verb, "p7@shop.example", "451 4.2.1 come back later")
    sending.start()
    sending.pump()
    progress = sending.progress()
    assert (progress.sent, progress.retry) == (119, 1)
    check_sum(progress)
    assert sending.pump() == 0  # not due yet
    sink.script = answer_to(verb, "p7@shop.example", "451 4.2.1 still not", times=1)
    sending.due_now()
    sending.pump()
    assert sending.progress().retry == 1
    sending.due_now()
    sending.pump()
    assert sink.recipients() == EVERYBODY
    progress = sending.progress()
    assert (progress.sent, progress.retry) == (120, 0)
    check_sum(progress)
    with read_session() as session:
        seq = session.scalars(select(Message.seq).where(Message.email == "p7@shop.example")).one()
        answers = list_answers(session, campaign_id=sending.campaign_id, seq=seq)
        assert [each.answer for each in answers] == ["4.2.1 come back later", "4.2.1 still not"]


def test_three_days_of_deferrals_are_enough(sending: Sending, sink: SmtpSink) -> None:
    sink.script = answer_to("rcpt", "p7@shop.example", "451 4.2.1 come back later")
    sending.start()
    sending.pump()
    with transaction() as session:
        long_ago = clock.now() - timedelta(days=3)
        session.execute(update(MessageRetry).values(first_at=long_ago, due_at=long_ago))
    sending.pump()
    assert reasons(sending)["failed", Reason.gave_up_retrying] == 1
    check_sum(sending.progress())


def test_a_misconfigured_sender_holds_the_campaign_and_blames_nobody(sending: Sending, sink: SmtpSink) -> None:
    sink.script = answer_to("end", "p7@shop.example", "550 5.7.26 unauthenticated sender")
    sending.start()
    sending.pump()
    progress = sending.progress()
    assert (progress.state, progress.failed) == ("held", 0)
    assert progress.sent < 119
    sink.script = lambda verb, address: None
    with transaction() as session:
        lifecycle.release(session, campaign_id=sending.campaign_id, now=clock.now())
    sending.due_now()
    sending.pump()
    assert sink.recipients() == EVERYBODY


def test_a_connection_lost_after_the_final_dot_is_uncertain_and_never_sent_again(
    sending: Sending, sink: SmtpSink
) -> None:
    sink.script = answer_to("end", "p7@shop.example", "close-after-keeping")
    sending.start()
    sending.pump()
    sending.due_now()
    sending.pump()
    assert sink.recipients() == EVERYBODY
    assert reasons(sending) == {
        ("sent", Reason.none): 119,
        ("uncertain", Reason.connection_lost_after_data): 1,
    }
    check_sum(sending.progress())


@pytest.mark.parametrize("answer", ["close", "garbage", "421 4.3.2 going down"])
@pytest.mark.parametrize("verb", ["rcpt", "data"])
def test_a_connection_lost_before_the_final_dot_loses_nothing(
    sending: Sending, sink: SmtpSink, verb: str, answer: str
) -> None:
    sink.script = answer_to(verb, "p7@shop.example", answer, times=1)
    sending.start()
    sending.pump()
    assert sink.recipients() == EVERYBODY
    assert sending.progress().sent == 120


def test_a_server_that_keeps_closing_makes_the_batch_wait_and_nobody_fail(sending: Sending, sink: SmtpSink) -> None:
    sink.script = lambda verb, address: "421 4.3.2 not now" if verb == "connect" else None
    sending.start()
    sending.pump()
    progress = sending.progress()
    assert (progress.sent, progress.failed, progress.retry, progress.waiting) == (0, 0, 0, 120)
    assert sending.pump() == 0  # waits a little
    sink.script = lambda verb, address: None
    sending.due_now()
    sending.pump()
    assert sink.recipients() == EVERYBODY


def test_an_unsubscribe_on_the_way_acts_from_the_next_window_on(sending: Sending, sink: SmtpSink) -> None:
    def leave(verb: str, address: str) -> None:
        if verb == "end" and len(sink.mails) == 10:
            with transaction() as session:
                everybody = update(Membership).where(Membership.list_id == sending.list_id)
                session.execute(everybody.values(state=MembershipState.unsubscribed))

    sink.script = leave
    sending.start()
    sending.pump()
    assert len(sink.mails) == 32
    assert reasons(sending) == {("sent", Reason.none): 32, ("skipped", Reason.unsubscribed): 88}
    check_sum(sending.progress())


def test_a_suppression_and_an_erasure_on_the_way_are_heeded(sending: Sending, sink: SmtpSink) -> None:
    sending.start()
    with transaction() as session:
        one, other = session.scalars(select(Contact).order_by(Contact.id.desc()).limit(2)).all()
        session.add(Suppression(address_hash=one.address_hash, reason="complaint", created_at=clock.now()))
        session.delete(other)
    sending.pump()
    counts = reasons(sending)
    assert counts["skipped", Reason.suppressed_complaint] == 1
    assert counts["skipped", Reason.contact_gone] == 1
    assert len(sink.mails) == 118
    check_sum(sending.progress())


def test_a_pause_stops_at_the_window_and_a_resume_writes_to_nobody_twice(sending: Sending, sink: SmtpSink) -> None:
    def pause(verb: str, address: str) -> None:
        if verb == "end" and len(sink.mails) == 10:
            with transaction() as session:
                lifecycle.pause(session, campaign_id=sending.campaign_id, now=clock.now())

    sink.script = pause
    sending.start()
    sending.pump()
    progress = sending.progress()
    assert (progress.state, progress.sent, progress.waiting, progress.in_hand) == ("paused", 32, 88, 0)
    check_sum(progress)
    assert sending.pump() == 0
    sink.script = lambda verb, address: None
    with transaction() as session:
        lifecycle.resume(session, campaign_id=sending.campaign_id, now=clock.now())
    sending.pump()
    assert sink.recipients() == EVERYBODY


def test_a_cancel_ends_it_and_says_who_did_not_get_it(sending: Sending, sink: SmtpSink) -> None:
    def cancel(verb: str, address: str) -> None:
        if verb == "end" and len(sink.mails) == 10:
            with transaction() as session:
                lifecycle.cancel(session, campaign_id=sending.campaign_id, now=clock.now())

    sink.script = cancel
    sending.start()
    sending.pump()
    progress = sending.progress()
    assert (progress.state, progress.sent, progress.cancelled, progress.waiting) == ("cancelled", 32, 88, 0)
    check_sum(progress)
    assert reasons(sending) == {("sent", Reason.none): 32, ("cancelled", Reason.none): 88}
    with read_session() as session:
        rows = list_messages(session, campaign_id=sending.campaign_id, state="cancelled", limit=100)
    assert Counter(row.state for row in rows) == {"cancelled": 88}


def test_an_expired_lease_leaves_the_window_in_doubt_and_the_rest_to_others(sending: Sending, sink: SmtpSink) -> None:
    sending.start()
    sending.do(
        "UPDATE batch SET state = 'sending', token = gen_random_uuid(), worker = 'gone', handed_seq = 32, "
        "lease_until = now() - interval '1 second' WHERE number = 1"
    )
    sending.pump()
    assert reasons(sending) == {("sent", Reason.none): 88, ("uncertain", Reason.worker_lost): 32}
    check_sum(sending.progress())


def test_a_worker_whose_batch_was_taken_stops_at_once(sending: Sending, sink: SmtpSink) -> None:
    def take(verb: str, address: str) -> None:
        if verb == "end" and len(sink.mails) == 10:
            with transaction() as session:
                session.execute(update(Batch).where(Batch.state == "sending").values(token=None))

    sink.script = take
    sending.start()
    assert sending.pump() == 0
    assert len(sink.mails) == 32
    check_sum(sending.progress())


def test_a_missing_value_skips_that_person_alone(sending: Sending, sink: SmtpSink) -> None:
    sending.do("UPDATE content SET subject = 'For {{ contact.family_name }}'")
    sending.do("UPDATE contact SET family_name = '' WHERE email = 'p7@shop.example'")
    sending.start()
    sending.pump()
    assert reasons(sending) == {("sent", Reason.none): 119, ("skipped", Reason.missing_value): 1}
    with read_session() as session:
        row = list_messages(session, campaign_id=sending.campaign_id, state="skipped")[0]
    assert (row.email, row.detail) == ("p7@shop.example", "contact.family_name")
    check_sum(sending.progress())


def test_campaigns_take_turns(sending: Sending, sink: SmtpSink) -> None:
    with transaction() as session:
        mailing_list = session.get_one(MailingList, sending.list_id)
        second = make_campaign(session, mailing_list=mailing_list, sender=make_sender(session)).id
        lifecycle.start(session, campaign_id=second, now=clock.now())
        lifecycle.start(session, campaign_id=sending.campaign_id, now=clock.now())
    first, sending.campaign_id = sending.campaign_id, second
    sending.run_start()
    sending.campaign_id = first
    sending.run_start()
    sending.pump()
    order = [b"Feedback-ID: c%d:" % second in mail.raw for mail in sink.mails]
    turns = [index for index in range(1, 240) if order[index] != order[index - 1]]
    assert len(turns) == 5  # batches of 50, 50 and 20 of each, one after the other
