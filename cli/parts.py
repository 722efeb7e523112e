"""The processes of an installation, each as one function that runs until it is told to stop."""

import gc
from importlib import import_module

from campaigns.queue import BULK, EVENTS, SEND
from campaigns.settings import get_settings
from cli.logs import configure_logging

HEAVY_MODULES = ("web.server", "web.app", "workers.process", "workers.scheduler", "workers.jobs")


def run_web(*, public_only: bool = False) -> None:
    """Serve pages, API and tracking; with ``public_only`` only what needs no login."""
    from web.server import serve

    configure_logging(get_settings().log)
    serve(get_settings(), public_only=public_only)


def run_worker(queue: str) -> None:
    """Work on one queue."""
    from workers.process import run

    configure_logging(get_settings().log)
    run(queue)


def run_scheduler() -> None:
    """Wake whatever is due."""
    from workers.scheduler import run

    configure_logging(get_settings().log)
    run()


def run_inbox() -> None:
    """Take the mails that stay on this machine."""
    from campaigns.delivery.inbox_server import run

    configure_logging(get_settings().log)
    run(get_settings())


def queues_to_work_on() -> list[tuple[str, str]]:
    """Return name and queue of each worker process that `tidings up` starts."""
    senders = [(f"worker-send-{number}", SEND) for number in range(1, get_settings().send_workers + 1)]
    return [*senders, ("worker-events", EVENTS), ("worker-bulk", BULK)]


def load_heavy_modules() -> None:
    """Import what the forked processes need once, so that they share its memory and start at once."""
    for name in HEAVY_MODULES:
        import_module(name)
    gc.collect()
    gc.freeze()
