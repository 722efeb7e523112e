"""One worker process: an RQ worker of one queue whose work-horse never outlives it."""

import ctypes
import logging
import os
import signal
from typing import Any

from rq import Queue
from rq.job import Job
from rq.worker import Worker

from campaigns import db, queue
from campaigns.settings import get_settings

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
HEARTBEAT_SECONDS = 5
WORKER_SECONDS = 30
LONGEST_WAIT_FOR_REDIS_SECONDS = 2.0

# Loaded before any fork: a forked child must not open libraries.
_libc = ctypes.CDLL(None, use_errno=True)


class TidingsWorker(Worker):
    """Heartbeats often, tells its horse about SIGTERM, and takes it along when it dies.

    Recovery never waits for RQ to notice a death (leases do that); the short times only keep its lists tidy.
    """

    max_connection_wait_time = LONGEST_WAIT_FOR_REDIS_SECONDS

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        self._parent = os.getpid()
        super().fork_work_horse(job, queue)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """In the child: ask to be told when the parent dies, and leave its connections alone."""
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != self._parent:
            os._exit(1)
        db.forget_connections()
        super().main_work_horse(job, queue)

    def handle_warm_shutdown_request(self) -> None:
        """RQ waits for the horse but does not tell it; a pump must hear of it to finish within its window."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            try:
                os.kill(self.horse_pid, signal.SIGTERM)
            except ProcessLookupError:
                log.debug("The work-horse had ended already.")


def run(queue_name: str) -> None:
    """Work on one queue until SIGTERM or SIGINT."""
    import workers.jobs  # noqa: F401 - loaded before the first fork: a job costs milliseconds instead of seconds

    worker = make_worker(queue_name)
    worker.work(logging_level="WARNING")


def make_worker(queue_name: str) -> TidingsWorker:
    """Return a worker of one queue: a job popped by a worker of several can be lost for ever."""
    connection: Any = queue.connection(get_settings().effective_redis_url)
    return TidingsWorker(
        [queue.queue(queue_name)],
        connection=connection,
        worker_ttl=WORKER_SECONDS,
        job_monitoring_interval=HEARTBEAT_SECONDS,
        log_job_description=False,
    )
