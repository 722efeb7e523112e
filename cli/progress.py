"""What the installer says while it works; like all of it only the standard library, readable by old Pythons."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


def say(text: str, *, end: str = "\n", file: IO[str] | None = None) -> None:
    """Print at once, so that nobody waits in silence."""
    print(text, end=end, file=file or sys.stdout, flush=True)


class CannotInstall(Exception):
    """Something is missing; the message says what to type."""


class Steps:
    """Numbered steps that show that time passes."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0

    def begin(self, what: str) -> float:
        self.done += 1
        say(f"{self.done}/{self.total} {what}", end=" … ")
        return time.monotonic()

    def end(self, started: float, note: str = "") -> None:
        say(f"{time.monotonic() - started:.1f} s{note}")


def show_time_passing(finished: threading.Event, interval: float = 5.0) -> None:
    """Print a dot every few seconds until ``finished`` is set."""
    while not finished.wait(interval):
        say(".", end="")


def run(command: Iterable[str | Path], what: str, **more_environment: str) -> str:
    """Run a program with its output kept back; raise with its last lines when it fails."""
    environment = dict(os.environ, UV_PYTHON_DOWNLOADS="never", VIRTUAL_ENV=str(VENV), **more_environment)
    finished = threading.Event()
    clock = threading.Thread(target=show_time_passing, args=(finished,), daemon=True)
    clock.start()
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=str(ROOT),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        finished.set()
        clock.join()
    if done.returncode != 0:
        last = "\n  ".join(done.stdout.strip().splitlines()[-15:])
        raise CannotInstall(f"{what} did not succeed:\n  {last}")
    return done.stdout
