"""When a deferred message is tried again (rule S4): jittered backoff, given up after three days."""

import random
from datetime import datetime, timedelta

GIVE_UP_AFTER = timedelta(days=3)
GROWTH = (1, 3, 6, 12, 24, 48, 96)
LONGEST_WAIT_FACTOR = 144  # 12 hours with the default first wait of 5 minutes
JITTER = 0.2


def next_try(*, attempts: int, first_at: datetime, now: datetime, first_wait_seconds: float) -> datetime | None:
    """Return when to try again after ``attempts`` tries, or None when it is time to give up.

    With the default first wait: 5, 15, 30 minutes, 1, 2, 4, 8 hours, then every 12 hours, each ± 20 %.
    """
    factor = GROWTH[attempts - 1] if attempts <= len(GROWTH) else LONGEST_WAIT_FACTOR
    wait = first_wait_seconds * factor * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
    due_at = now + timedelta(seconds=wait)
    return due_at if due_at - first_at < GIVE_UP_AFTER else None
