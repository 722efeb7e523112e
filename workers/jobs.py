"""The jobs: read what was asked for, call the engine, let errors rise."""

import signal
import threading
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

import campaigns.models.all  # noqa: F401 - foreign keys name tables that no job imports itself
from campaigns import clock
from campaigns.contacts.imports.run import run_import
from campaigns.db import read_session, transaction
from campaigns.delivery import outbox
from campaigns.delivery.pump import Pump
from campaigns.delivery.seen import check_database
from campaigns.delivery.smtp import open_transport
from campaigns.delivery.start_work import run_start
from campaigns.keys import load_key_ring
from campaigns.models.work import Work, WorkKind
from campaigns.scoring.fold import fold_due
from campaigns.settings import get_settings
from campaigns.tracking.ingest import ingest_hits
from campaigns.tracking.settle import settle_due

RUN_OF_KIND: dict[str, Callable[[int], object]] = {
    WorkKind.import_contacts: run_import,
    WorkKind.start_campaign: run_start,
}


def stop_on_sigterm() -> threading.Event:
    """Return an event that SIGTERM sets, so that a window in hand is finished instead of cut."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    return stop


def pump() -> None:
    """Send what is due, for a minute at most."""
    settings, stop = get_settings(), stop_on_sigterm()
    with transaction() as session:
        check_database(session, settings=settings, now=clock.now())
    transport = open_transport(settings, hurry=stop.is_set)
    Pump(settings=settings, key_ring=load_key_ring(settings), transport=transport, stop=stop).run()


def deliver_outbox() -> None:
    """Send the system mails that are due."""
    settings = get_settings()
    outbox.deliver_due(settings=settings, transport=open_transport(settings))


def ingest() -> None:
    """Make events of hits, and settle those whose time has come."""
    _repeat(lambda session, now: ingest_hits(session, now=now))
    _repeat(lambda session, now: settle_due(session, now=now))


def score() -> None:
    """Fold the scores that wait for it."""
    _repeat(lambda session, now: fold_due(session, now=now))


def do_work(work_id: int) -> None:
    """Do a durable piece of work, whatever its kind."""
    with read_session() as session:
        kind = session.scalar(select(Work.kind).where(Work.id == work_id))
    if kind is not None:
        RUN_OF_KIND[kind](work_id)


def _repeat(step: Callable[[Session, datetime], int]) -> None:
    """Call until nothing is left, each time in a transaction of its own."""
    while True:
        with transaction() as session:
            if not step(session, clock.now()):
                return
