"""Sending against a real database and a real SMTP server."""

from tests.delivery.conftest import Sending, check_sum
from tests.smtp_sink import SmtpSink


def test_everyone_gets_exactly_one_mail(sending: Sending, sink: SmtpSink) -> None:
    sending.start()
    assert sending.pump() == 120
    assert sink.recipients() == {f"p{number}@shop.example": 1 for number in range(120)}
    progress = sending.progress()
    assert (progress.candidates, progress.sent, progress.waiting) == (120, 120, 0)
    check_sum(progress)
