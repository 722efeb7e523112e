"""The shipper: one thread of each web host that carries what the disk kept into the database."""

import logging
import threading

from campaigns.contacts import spooled_unsubscribes
from campaigns.db import transaction
from campaigns.hits import SpoolReader
from campaigns.settings import Settings
from campaigns.signing import KeyRing
from campaigns.tracking.ship import ship_hits

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.4
LONGEST_PAUSE_SECONDS = 5.0
STOP_SECONDS = 5.0


class Shipper:
    """Ships until it is stopped. Whatever goes wrong is tried again: the files are still there."""

    def __init__(self, settings: Settings, key_ring: KeyRing) -> None:
        self._settings = settings
        self._key_ring = key_ring
        self._hits = SpoolReader(settings.home_path / "spool" / "hits")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shipper", daemon=True)

    def start(self) -> None:
        """Begin to ship."""
        self._thread.start()

    def stop(self) -> None:
        """Ship what is left, as far as a few seconds allow, and end."""
        self._stop.set()
        self._thread.join(STOP_SECONDS)

    def ship(self) -> int:
        """Carry over everything that is kept now; return how many hits were new to the database."""
        try:
            for spooled in spooled_unsubscribes.read_spooled(self._settings):
                with transaction() as session:
                    spooled_unsubscribes.apply_spooled(session, spooled=spooled, key_ring=self._key_ring)
        finally:
            stored = self._ship_hits()
        return stored

    def _ship_hits(self) -> int:
        stored = 0
        for chunk in self._hits.chunks():
            with transaction() as session:
                stored += ship_hits(session, records=chunk.records).stored
            self._hits.done(chunk)
        return stored

    def _run(self) -> None:
        pause = PAUSE_SECONDS
        while True:
            is_last = self._stop.wait(pause)
            try:
                self.ship()
                pause = PAUSE_SECONDS
            except Exception as error:  # noqa: BLE001 - a process border: the thread must outlive any failure
                if pause == PAUSE_SECONDS:
                    log.warning("Hits wait on disk, the database takes none now: %s", error)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            if is_last:
                return
