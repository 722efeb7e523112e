"""Queue and job names, and the only import of rq in the engine.

RQ carries wake-ups; the database holds the work. Jobs are collected in the unit of work and pushed after its
commit (see db.transaction); one that is lost harms nothing, because the scheduler finds the row behind it.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from redis import Redis
from rq import Queue, Retry
from sqlalchemy.orm import Session

from campaigns.settings import get_settings

SEND = "send"
EVENTS = "events"
BULK = "bulk"
QUEUES = (SEND, EVENTS, BULK)

PUMP = "workers.jobs.pump"
INGEST = "workers.jobs.ingest"
SCORE = "workers.jobs.score"
WORK = "workers.jobs.do_work"
DELIVER_OUTBOX = "workers.jobs.deliver_outbox"

QUEUE_OF_JOB = {PUMP: SEND, DELIVER_OUTBOX: BULK, INGEST: EVENTS, SCORE: EVENTS, WORK: BULK}
TIMEOUT_SECONDS = {PUMP: 600, DELIVER_OUTBOX: 600, INGEST: 600, SCORE: 600, WORK: 6 * 3600}

_COLLECTED = "tidings_collected_jobs"


@dataclass(frozen=True)
class Job:
    """A wake-up: which function of workers.jobs to call with which arguments."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@cache
def connection(url: str) -> Redis:
    """Return this process's connection to Redis."""
    return Redis.from_url(url, socket_connect_timeout=5, health_check_interval=30)


def queue(name: str) -> Queue:
    """Return the RQ queue of that name."""
    return Queue(name, connection=connection(get_settings().effective_redis_url))


def enqueue(session: Session, name: str, **arguments: Any) -> None:
    """Collect a job in the session; it is pushed after the commit and dropped on a rollback."""
    collected: list[Job] = session.info.setdefault(_COLLECTED, [])
    job = Job(name, arguments)
    if job not in collected:
        collected.append(job)


def take_collected(session: Session) -> list[Job]:
    """Return the session's collected jobs and forget them."""
    collected: list[Job] = session.info.pop(_COLLECTED, [])
    return collected


def push(jobs: list[Job]) -> None:
    """Send wake-ups to RQ now; raises ``redis.RedisError`` when Redis is away (the scheduler will wake it later)."""
    for job in jobs:
        queue(QUEUE_OF_JOB[job.name]).enqueue(
            job.name,
            kwargs=job.arguments,
            job_timeout=TIMEOUT_SECONDS[job.name],
            result_ttl=0,
            failure_ttl=24 * 3600,
            retry=Retry(max=3, interval=[1, 5, 15]),
        )


def waiting(name: str) -> int:
    """Return how many jobs of queue ``name`` wait."""
    return int(queue(name).count)


def waiting_and_running(name: str) -> int:
    """Return how many jobs of queue ``name`` wait or run."""
    the_queue = queue(name)
    return int(the_queue.count) + int(the_queue.started_job_registry.count)
