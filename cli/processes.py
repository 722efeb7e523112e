"""The supervisor: starts the parts of an installation, keeps them alive, and stops them in order."""

import json
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
OFTEN_SECONDS = 0.02


class Child(Protocol):
    """A running process, forked or executed."""

    pid: int

    def poll(self) -> int | None: ...
    def send_signal(self, number: int, /) -> None: ...


@dataclass
class Part:
    """One process of the installation: how it starts, which signals end it, and how long each may take."""

    name: str
    start: Callable[[], Child]
    endings: Sequence[tuple[int, float]] = ((signal.SIGTERM, 20.0),)
    tier: int = 0
    child: Child | None = None
    started_at: float = 0.0
    deaths: int = 0
    due_at: float = 0.0

    def pause_seconds(self) -> float:
        """Return how long to wait before the next start: 0.5 s, doubling with every early death."""
        return float(min(0.5 * 2 ** max(self.deaths - 1, 0), LONGEST_PAUSE_SECONDS))


class Stopped(BaseException):
    """A signal asked us to stop while we were still starting."""


class Supervisor:
    """Parts are started in the order they are added; those of a higher tier are stopped first."""

    def __init__(self, *, say: Callable[[str], None], children_file: Path) -> None:
        self.parts: list[Part] = []
        self.say = say
        self.children_file = children_file
        self.stop_asked = 0
        self.raises_when_asked = True
        self._wake_read, self._wake_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)

    @property
    def private_descriptors(self) -> tuple[int, int]:
        """Descriptors that no child may keep."""
        return self._wake_read, self._wake_write

    def listen(self) -> None:
        """Take over SIGINT, SIGTERM, SIGHUP and SIGCHLD; until :meth:`run` the first three raise Stopped."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _ask_to_stop(self, number: int, frame: object) -> None:
        self.stop_asked += 1
        if self.raises_when_asked:
            self.raises_when_asked = False
            raise Stopped

    def start(self, part: Part) -> None:
        """Start a part now; raises what its start raises."""
        self.parts.append(part)
        self._start(part)

    def _start(self, part: Part) -> None:
        part.child = None
        part.started_at = time.monotonic()
        part.child = part.start()
        self._note_children()

    def run(self) -> None:
        """Keep every part alive until a signal asks to stop."""
        self.raises_when_asked = False
        while not self.stop_asked:
            pause = min((self._look_after(part) for part in self.parts), default=60.0)
            if not self.stop_asked:
                self._sleep(pause)

    def _look_after(self, part: Part) -> float:
        """Notice a death, start again when its pause is over; return how many seconds nothing is to be done."""
        now = time.monotonic()
        if part.child is not None:
            code = part.child.poll()
            if code is None:
                return 60.0
            self._bury(part, code, now)
        if now < part.due_at:
            return part.due_at - now
        try:
            self._start(part)
        except Exception as error:
            log.exception("%s did not start", part.name)
            self._bury(part, str(error), time.monotonic())
            return part.pause_seconds()
        return 60.0

    def _bury(self, part: Part, why: int | str, now: float) -> None:
        if part.child is not None:
            kill_group(part.child.pid)
        part.child = None
        part.deaths = 1 if now - part.started_at > STEADY_SECONDS else part.deaths + 1
        part.due_at = now + part.pause_seconds()
        cause = f"ended with {describe_code(why)}" if isinstance(why, int) else f"did not start: {why}"
        self.say(f"{part.name} {cause}; starting it again in {part.pause_seconds():g} s.")

    def _sleep(self, seconds: float) -> None:
        select.select([self._wake_read], [], [], seconds)
        with suppress(BlockingIOError):
            os.read(self._wake_read, 4096)

    def stop(self) -> None:
        """Stop tier after tier, the highest first; a second signal shortens every wait."""
        self.raises_when_asked = False
        for tier in sorted({part.tier for part in self.parts}, reverse=True):
            self._stop_tier([part for part in self.parts if part.tier == tier])
        self.children_file.unlink(missing_ok=True)

    def _stop_tier(self, parts: list[Part]) -> None:
        rounds = max(len(part.endings) for part in parts)
        for number in range(rounds):
            deadline = time.monotonic()
            for part in parts:
                if number < len(part.endings) and part.child is not None and part.child.poll() is None:
                    ending, seconds = part.endings[number]
                    part.child.send_signal(ending)
                    deadline = max(deadline, time.monotonic() + seconds)
            self._wait_for(parts, deadline)
        for part in parts:
            if part.child is not None:
                kill_group(part.child.pid)
        self._wait_for(parts, time.monotonic() + 5)

    def _wait_for(self, parts: list[Part], deadline: float) -> None:
        asked = self.stop_asked
        while any(part.child is not None and part.child.poll() is None for part in parts):
            if time.monotonic() > deadline or self.stop_asked > asked:
                return
            time.sleep(OFTEN_SECONDS)

    def _note_children(self) -> None:
        """Write down who our children are, so that the next launcher can end those who outlive us."""
        pids = {part.name: part.child.pid for part in self.parts if part.child is not None}
        noted = {name: {"pid": pid, "born": birth(pid)} for name, pid in pids.items()}
        draft = self.children_file.with_suffix(".new")
        draft.write_text(json.dumps(noted))
        draft.replace(self.children_file)


def describe_code(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"


def kill_group(pid: int) -> None:
    """Kill whatever is left of a child's process group: every child leads one of its own."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def birth(pid: int) -> str | None:
    """Return when a living process was born, in ticks since boot; None when it is dead or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def end_leftovers(children_file: Path, *, patience_seconds: float = 20.0) -> None:
    """Wait for the children of a killed launcher to end by themselves, then kill them."""
    try:
        noted = [(int(one["pid"]), one["born"]) for one in json.loads(children_file.read_text()).values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    deadline = time.monotonic() + patience_seconds
    while alive := [pid for pid, born in noted if born is not None and birth(pid) == born]:
        if time.monotonic() > deadline:
            for pid in alive:
                kill_group(pid)
            deadline = time.monotonic() + 5
        time.sleep(OFTEN_SECONDS)
    children_file.unlink(missing_ok=True)
