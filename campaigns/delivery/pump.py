"""The pump: claims due batches and retries, sends them window by window, and hands back what must wait.

1. Claim a batch (or a window of retries) by lease and token.
2. One transaction settles the last window, moves the cursor over the next, and looks at every person once more.
3. Without a transaction, the window is handed to SMTP over a connection that is kept over batches.
4. Again from 2, until the batch is done or something says stop: pause, hold, SIGTERM, the end of our time.
"""

import logging
import os
import random
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence

from campaigns import clock
from campaigns.contacts.spooled_unsubscribes import pending_unsubscribes
from campaigns.db import transaction
from campaigns.delivery.claim import Claim, claim_batch, extend_lease, release_expired
from campaigns.delivery.handover import Handover, hand_over
from campaigns.delivery.lease_keeper import LeaseKeeper
from campaigns.delivery.mail_kit import MailKit
from campaigns.delivery.outcome import Outcome
from campaigns.delivery.retries import RetryWindow, claim_retry_window, settle_retries
from campaigns.delivery.retry_queue import extend_retries
from campaigns.delivery.seen import SeenFile
from campaigns.delivery.transport import Transport
from campaigns.delivery.window import Addressee, LeaseLost, Step, advance
from campaigns.models.installation import Installation
from campaigns.settings import Settings
from campaigns.signing import KeyRing

log = logging.getLogger(__name__)

RECENT_CAMPAIGNS = 16
WAIT_SECONDS = 30.0
LONGEST_WAIT_LEASES = 0.5


class Pump:
    """One worker's run of sending."""

    def __init__(
        self, *, settings: Settings, key_ring: KeyRing, transport: Transport, stop: threading.Event | None = None
    ) -> None:
        self.settings = settings
        self.transport = transport
        self.stop = stop or threading.Event()
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self.handled = 0
        self._key_ring = key_ring
        self._kits: dict[int, MailKit] = {}
        self._recent: deque[int] = deque(maxlen=RECENT_CAMPAIGNS)
        self._seen = SeenFile(settings)
        self._ends_at = time.monotonic() + settings.pump_seconds
        with transaction() as session:
            self._database_id = session.get_one(Installation, 1).database_id

    def run(self) -> int:
        """Send until nothing is due or our time is over; return how many messages came to a result."""
        try:
            while self._goes_on():
                sent_retries = self._send_retries()
                sent_batch = self._goes_on() and self._send_batch()
                if not (sent_retries or sent_batch):
                    break
        except LeaseLost as lost:
            log.warning("%s", lost)
        finally:
            self.transport.close()
            self._seen.close()
        return self.handled

    def _goes_on(self) -> bool:
        return not (self.stop.is_set() or time.monotonic() > self._ends_at or pending_unsubscribes(self.settings))

    def _kit(self, campaign_id: int) -> MailKit:
        if campaign_id not in self._kits:
            public_url = self.settings.effective_public_url
            self._kits[campaign_id] = MailKit(campaign_id=campaign_id, key_ring=self._key_ring, public_url=public_url)
        return self._kits[campaign_id]

    def _wait_seconds(self) -> float:
        """How long a batch waits when the way out is closed: jittered, so that workers do not come back together."""
        longest = min(WAIT_SECONDS, self.settings.lease_seconds * LONGEST_WAIT_LEASES)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

    # -- batches ---------------------------------------------------------------------------------------

    def _send_batch(self) -> bool:
        """Send one batch, or as much of it as may be sent now; return whether there was one."""
        with transaction() as session:
            release_expired(session)
            claim = claim_batch(
                session,
                worker=self.worker,
                lease_seconds=self.settings.lease_seconds,
                recent_campaigns=self._recent,
            )
        if claim is None:
            return False
        if claim.campaign_id in self._recent:
            self._recent.remove(claim.campaign_id)
        self._recent.append(claim.campaign_id)
        self._send_windows(claim)
        return True

    def _send_windows(self, claim: Claim) -> None:
        step = self._advance(claim, claim.marked_seq, ())
        while step.goes_on:
            handover = self._hand_over(step.addressees, claim)
            marked_seq = step.handed_seq
            if handover.unsent:
                marked_seq = handover.unsent[0].person.seq - 1
            step = self._advance(claim, marked_seq, handover.outcomes, slow_down=handover.slow_down)

    def _advance(self, claim: Claim, marked_seq: int, outcomes: Sequence[Outcome], *, slow_down: bool = False) -> Step:
        with transaction() as session:
            step = advance(
                session,
                claim=claim,
                marked_seq=marked_seq,
                outcomes=outcomes,
                go=not slow_down and self._goes_on(),
                window_size=self.settings.window_size,
                lease_seconds=self.settings.lease_seconds,
                retry_seconds=self.settings.retry_seconds,
                wait_seconds=self._wait_seconds() if slow_down else 0.0,
                now=clock.now(),
            )
            if step.addressees:
                self._kit(claim.campaign_id).load(session, revision=step.addressees[0].person.revision)
        self.handled += len(outcomes)
        if step.goes_on:
            self._seen.note(self._database_id, step.handed_mark)
        if slow_down:
            log.warning("Sending waits a little: %s", self.transport.trouble or "the server asked for it")
        return step

    def _hand_over(self, addressees: Sequence[Addressee], claim: Claim) -> Handover:
        with LeaseKeeper(
            lambda session: extend_lease(session, claim=claim, lease_seconds=self.settings.lease_seconds),
            lease_seconds=self.settings.lease_seconds,
        ) as lease:
            return hand_over(
                addressees,
                kit=self._kit(claim.campaign_id),
                transport=self.transport,
                may_go_on=lease.holds,
                now=clock.now(),
            )

    # -- retries ---------------------------------------------------------------------------------------

    def _send_retries(self) -> bool:
        """Try one window of deferred messages again; return whether any was due."""
        with transaction() as session:
            window = claim_retry_window(
                session,
                limit=self.settings.window_size,
                lease_seconds=self.settings.lease_seconds,
                now=clock.now(),
            )
            if window is not None:
                for revision in {addressee.person.revision for addressee in window.addressees}:
                    self._kit(window.claim.campaign_id).load(session, revision=revision)
        if window is None:
            return False
        self._seen.note(self._database_id, window.claim.handed_mark)
        handover = self._retry(window)
        with transaction() as session:
            self.handled += settle_retries(
                session,
                claim=window.claim,
                handover=handover,
                retry_seconds=self.settings.retry_seconds,
                wait_seconds=self._wait_seconds(),
                now=clock.now(),
            )
        return not handover.unsent

    def _retry(self, window: RetryWindow) -> Handover:
        with LeaseKeeper(
            lambda session: extend_retries(session, claim=window.claim, lease_seconds=self.settings.lease_seconds),
            lease_seconds=self.settings.lease_seconds,
        ) as lease:
            return hand_over(
                window.addressees,
                kit=self._kit(window.claim.campaign_id),
                transport=self.transport,
                may_go_on=lease.holds,
                now=clock.now(),
            )
