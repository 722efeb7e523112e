"""Keeps a lease alive from a thread while a slow server has the window, and knows when it is over.

The clock that runs on through a suspension (SIGSTOP) decides here: whoever slept past the lease hands over no more.
"""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from campaigns.db import transaction

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Use as a context around a window: ``extend`` is called every third of the lease, in a transaction of its own."""

    def __init__(self, extend: Callable[[Session], bool], *, lease_seconds: float) -> None:
        self._extend = extend
        self._lease_seconds = lease_seconds
        self._valid_until = time.monotonic() + lease_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)

    def holds(self) -> bool:
        """Say whether the lease is certainly still ours."""
        return time.monotonic() < self._valid_until

    def __enter__(self) -> "LeaseKeeper":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._ended.wait(self._lease_seconds / 3):
            asked_at = time.monotonic()
            try:
                with transaction() as session:
                    is_ours = self._extend(session)
            except SQLAlchemyError as error:
                log.warning("A lease could not be extended; it ends by itself: %s", type(error).__name__)
                continue
            if not is_ours:
                self._valid_until = 0.0
                return
            self._valid_until = asked_at + self._lease_seconds
