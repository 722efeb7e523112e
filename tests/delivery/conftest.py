"""A campaign on a database of its own, and a mail server that writes everything down."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from campaigns import clock, lifecycle
from campaigns.db import read_session, transaction
from campaigns.delivery.progress import Progress, campaign_progress
from campaigns.delivery.pump import Pump
from campaigns.delivery.smtp import open_transport
from campaigns.delivery.start_work import run_start
from campaigns.models.work import Work
from campaigns.settings import get_settings
from campaigns.signing import KeyRing
from tests.builders import make_campaign, make_list, make_member, make_sender
from tests.smtp_sink import SmtpSink


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpSink]:
    """The configured transport."""
    server = SmtpSink().start()
    monkeypatch.setenv("TIDINGS_SMTP_URL", server.url)
    monkeypatch.setenv("TIDINGS_PUBLIC_URL", "https://mail.fernandfield.example")
    monkeypatch.setenv("TIDINGS_BATCH_SIZE", "50")
    get_settings.cache_clear()
    yield server
    server.stop()
    get_settings.cache_clear()


@dataclass
class Sending:
    """One campaign and the moves that tests make with it."""

    campaign_id: int
    list_id: int
    key_ring: KeyRing
    set_variable: Callable[[str, str], None]

    def setting(self, **values: Any) -> None:
        for name, value in values.items():
            self.set_variable(f"TIDINGS_{name.upper()}", str(value))
        get_settings.cache_clear()

    def start(self) -> None:
        with transaction() as session:
            lifecycle.start(session, campaign_id=self.campaign_id, now=clock.now())
        self.run_start()

    def run_start(self) -> None:
        with read_session() as session:
            numbers = session.scalars(select(Work.id).where(Work.subject_id == self.campaign_id)).all()
        for number in numbers:
            run_start(number)

    def pump(self) -> int:
        settings = get_settings()
        return Pump(settings=settings, key_ring=self.key_ring, transport=open_transport(settings)).run()

    def progress(self) -> Progress:
        with read_session() as session:
            return campaign_progress(session, campaign_id=self.campaign_id, now=clock.now())

    def do(self, statement: str, **values: Any) -> list[Any]:
        with transaction() as session:
            result = session.execute(text(statement), values)
            return list(result.scalars()) if result.returns_rows else []  # type: ignore[attr-defined]

    def due_now(self) -> None:
        """Let everything that waits for a later time be due."""
        past = clock.now() - timedelta(seconds=1)
        self.do("UPDATE message_retry SET due_at = :past", past=past)
        self.do("UPDATE batch SET due_at = :past", past=past)


def check_sum(progress: Progress) -> None:
    """Numbers always sum up to the candidates (promise 2)."""
    parts = ("skipped", "waiting", "retry", "in_hand", "sent", "failed", "uncertain", "cancelled")
    assert sum(getattr(progress, part) for part in parts) == progress.candidates


@pytest.fixture
def sending(committed_database: str, sink: SmtpSink, key_ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> Sending:
    """A draft to 120 people: p0@shop.example … p119@shop.example."""
    get_settings.cache_clear()
    with transaction() as session:
        sender = make_sender(session)
        mailing_list = make_list(session, sender=sender)
        for number in range(120):
            make_member(session, mailing_list=mailing_list, email=f"p{number}@shop.example")
        campaign = make_campaign(session, mailing_list=mailing_list, sender=sender)
        return Sending(campaign.id, mailing_list.id, key_ring, monkeypatch.setenv)
