"""Starts the launcher as a person would, in a home of its own, and watches it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

START_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Launcher:
    """`tidings up` over one home, started and stopped any number of times."""

    def __init__(self, home: Path, *, before: list[str] | None = None, **variables: str) -> None:
        self.home = home
        self.port = free_port()
        self.before = before or []
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")}
        self.environment |= {
            "TIDINGS_HOME": str(home),
            "TIDINGS_PORT": str(self.port),
            "TIDINGS_INBOX_PORT": str(free_port()),
            "TIDINGS_SEND_WORKERS": "1",
            "PYTHONUNBUFFERED": "1",
        }
        self.environment |= variables
        self.output = home.with_name(home.name + ".out")
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> list[str]:
        return [*self.before, sys.executable, "-m", "cli.main", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another `tidings` command on the same home."""
        return subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def start(self) -> None:
        """Start and return when the address is shown; fail with everything it said when it ends instead."""
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                self.command("up"), env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_SECONDS
        while "Tidings runs:" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def said(self) -> str:
        return self.output.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the launcher by a signal and return its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def children(self) -> dict[int, str]:
        """Return every process of this installation, grandchildren included, by what it has to do with its home."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes()
                folder = (entry / "cwd").readlink()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            ours = re.search(rb"(^|\0)TIDINGS_HOME=" + re.escape(os.fsencode(self.home)) + rb"(\0|$)", environment)
            # Servers write their title over their environment, but work in their data folder.
            if (
                (ours or folder.is_relative_to(self.home))
                and state not in "ZX"
                and int(entry.name) != getattr(self.process, "pid", 0)
            ):
                found[int(entry.name)] = (entry / "comm").read_text().strip()
        return found

    def no_child_left(self, seconds: float = 15.0) -> bool:
        """Wait for every child to be gone."""
        deadline = time.monotonic() + seconds
        while self.children() and time.monotonic() < deadline:
            time.sleep(0.1)
        return not self.children()
