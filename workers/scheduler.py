"""The scheduler: looks at the rows each tick and wakes whoever should be at work. Any number may run.

It holds nothing itself: what it finds is in the database, what it pushes are wake-ups, and one wake-up too many is
harmless. So Redis may be emptied, and workers may die: the next tick asks again.
"""

import logging
import random
import signal
import threading
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from redis import RedisError
from sqlalchemy import exists, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

import campaigns.models.all  # noqa: F401 - foreign keys name tables that the scheduler does not import itself
from campaigns import clock, lifecycle, queue, work
from campaigns.contacts.spooled_unsubscribes import pending_unsubscribes
from campaigns.db import get_engine, transaction
from campaigns.delivery.claim import release_expired
from campaigns.delivery.finish import finish_campaigns
from campaigns.delivery.outbox import release_expired_mails
from campaigns.delivery.seen import check_database
from campaigns.models.engagement import ScoreDue
from campaigns.models.event import Event
from campaigns.models.hit import Hit
from campaigns.models.installation import Installation
from campaigns.models.outbox import OutboxMail, OutboxState
from campaigns.models.partitions import ensure_partitions
from campaigns.settings import Settings, get_settings

log = logging.getLogger(__name__)

LOCK_KEY = 7_430_201
MOST_WAITING = 4
MOST_WORK = 10
LONGEST_BACKOFF_SECONDS = 15.0
HOST_SECONDS = 60.0


@dataclass(frozen=True)
class Due:
    """What is due now: batches and retries to send, how many pumps are at it, and the other kinds of work."""

    sending: int
    pumps: int
    mails: bool
    events: bool
    scores: bool
    work_ids: tuple[int, ...]


class Scheduler:
    """Ticks until it is told to stop."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self.settings = settings
        self.stop = stop
        self._partitions_of: date | None = None
        self._host_noted_at: datetime | None = None
        self._backoff_seconds = 0.0

    def run(self) -> None:
        while not self.stop.wait(self.settings.tick_seconds + self._backoff_seconds):
            try:
                self.tick()
            except (SQLAlchemyError, RedisError, OSError) as error:
                self._back_off(error)
            except Exception:  # a process border: one bad row must not keep all others from their turn
                log.exception("A tick failed.")
                self._backoff_seconds = LONGEST_BACKOFF_SECONDS
            else:
                self._backoff_seconds = 0.0

    def _back_off(self, error: Exception) -> None:
        """PostgreSQL or Redis is away: say so once in a while and come back less and less often."""
        doubled = max(self._backoff_seconds * 2, self.settings.tick_seconds)
        self._backoff_seconds = min(doubled * random.uniform(0.8, 1.2), LONGEST_BACKOFF_SECONDS)  # noqa: S311
        words = str(error).strip().splitlines()
        log.warning("The scheduler waits: %s: %s", type(error).__name__, words[0] if words else "")
        if isinstance(error, SQLAlchemyError):
            get_engine().dispose()

    def tick(self) -> None:
        """Look once. Another scheduler that is looking at this moment makes it a look at nothing."""
        now = clock.now()
        with transaction() as session:
            if not session.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": LOCK_KEY}):
                return
            self._look_after_database(session, now)
            release_expired(session)
            release_expired_mails(session)
            lifecycle.start_due(session, now=now)
            finish_campaigns(session, now=now)
            due = find_due(session, now=now)
        queue.push(wake_ups(due, send_workers=0 if pending_unsubscribes(self.settings) else self.settings.send_workers))

    def _look_after_database(self, session: Session, now: datetime) -> None:
        if self._partitions_of != now.date():
            ensure_partitions(session, now=now)
            self._partitions_of = now.date()
        if self._host_noted_at is None or now - self._host_noted_at > timedelta(seconds=HOST_SECONDS):
            reason = check_database(session, settings=self.settings, now=now)
            if reason is not None:
                log.error("Sending is held (%s): look at the overview page, then release it.", reason)
            self._host_noted_at = now


SENDING = text("""
SELECT
    (SELECT count(*) FROM (
        SELECT 1 FROM batch b JOIN campaign c ON c.id = b.campaign_id AND c.state = 'sending'
        WHERE b.state = 'waiting' AND b.due_at <= now() LIMIT 100
    ) batches)
    + (SELECT count(*) FROM (
        SELECT 1 FROM message_retry r JOIN campaign c ON c.id = r.campaign_id AND c.state = 'sending'
        WHERE r.due_at <= now() AND r.lease_until IS NULL LIMIT 1
    ) retries),
    (SELECT count(DISTINCT worker) FROM batch WHERE state = 'sending' AND lease_until > now())
""")


def find_due(session: Session, *, now: datetime) -> Due:
    """Return what is due now. While the installation is held, nothing is to be sent."""
    sending, pumps = session.execute(SENDING).one()
    is_held = session.scalar(select(Installation.held_at)) is not None
    mails = exists().where(
        OutboxMail.state == OutboxState.waiting, OutboxMail.due_at <= now, OutboxMail.lease_until.is_(None)
    )
    new_hits = exists().where(Hit.ingested_at.is_(None))
    unsettled = exists().where(Event.settled_at.is_(None), Event.settles_at <= now)
    row = session.execute(select(mails, new_hits, unsettled, exists().select_from(ScoreDue))).one()
    return Due(
        sending=0 if is_held else sending,
        pumps=pumps,
        mails=row[0],
        events=row[1] or row[2],
        scores=row[3],
        work_ids=tuple(work.list_due(session, limit=MOST_WORK)),
    )


def wake_ups(due: Due, *, send_workers: int) -> list[queue.Job]:
    """Return the jobs to push: as many as are missing, none onto a queue that has plenty waiting.

    Counted are jobs that wait, and pumps by the leases they hold: what RQ believes to be running may be dead.
    """
    jobs: list[queue.Job] = []
    if due.sending and send_workers:
        wanted = min(due.sending, send_workers - due.pumps)
        jobs += [queue.Job(queue.PUMP)] * max(wanted - queue.waiting(queue.SEND), 0)
    if (due.events or due.scores) and queue.waiting(queue.EVENTS) < MOST_WAITING:
        jobs += [queue.Job(name) for name, is_due in ((queue.INGEST, due.events), (queue.SCORE, due.scores)) if is_due]
    if (due.mails or due.work_ids) and queue.waiting(queue.BULK) < MOST_WAITING:
        jobs += [queue.Job(queue.DELIVER_OUTBOX)] * due.mails
        jobs += [queue.Job(queue.WORK, {"work_id": number}) for number in due.work_ids]
    return jobs


def run() -> None:
    """Tick until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stop.set())
    Scheduler(get_settings(), stop).run()
