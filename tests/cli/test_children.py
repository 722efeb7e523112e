"""A child never outlives the process that started it, and leaves root where a program demands it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.children import NOBODY, _become_nobody, fork_child, start_child, way_out_of_root
from cli.processes import birth


def wait_until_dead(pid: int, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while birth(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return birth(pid) is None


PARENT = """
import sys, time
from pathlib import Path
from cli.children import fork_child, start_child
log = Path(sys.argv[1])
forked = fork_child(lambda: time.sleep(600), name="sleeper", log_file=log)
started = start_child(["sleep", "600"], log_file=log)
print(forked.pid, started.pid, flush=True)
time.sleep(600)
"""


def test_children_of_a_killed_parent_die(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(text) for text in parent.stdout.readline().split()]
        assert [birth(pid) is None for pid in pids] == [False, False]
        parent.kill()
    assert [wait_until_dead(pid) for pid in pids] == [True, True]


def test_a_forked_child_writes_its_traceback_into_its_log(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError("what went wrong")

    child = fork_child(fail, name="failing", log_file=tmp_path / "log")
    assert wait_until_dead(child.pid)
    assert child.poll() == 1
    assert "ValueError: what went wrong" in (tmp_path / "log").read_text()


def test_a_forked_child_keeps_no_private_descriptor_and_shows_its_name(tmp_path: Path) -> None:
    with open(tmp_path / "private", "w") as private:

        def look() -> None:
            try:
                os.fstat(private.fileno())
                sys.stdout.write("still open")
            except OSError:
                sys.stdout.write("closed " + Path("/proc/self/comm").read_text())

        child = fork_child(look, name="a-long-name-for-a-process", log_file=tmp_path / "log", close=[private.fileno()])
        assert wait_until_dead(child.pid)
    assert child.poll() == 0
    assert (tmp_path / "log").read_text().split() == ["closed", "a-long-name-for"]


def test_a_forked_child_tells_how_it_ended(tmp_path: Path) -> None:
    child = fork_child(lambda: time.sleep(600), name="sleeper", log_file=tmp_path / "log")
    assert child.poll() is None
    child.send_signal(signal.SIGTERM)
    assert wait_until_dead(child.pid)
    assert child.poll() == -signal.SIGTERM


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to leave root")
def test_a_program_that_refuses_root_sees_an_ordinary_user(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for way_out in (way_out_of_root(), _become_nobody):
        log = closed / "log"
        command = ["sh", "-c", f"id -u; ls {closed}"]
        assert start_child(command, log_file=log, way_out=way_out).wait(10) == 0
        assert log.read_text().split() == [str(NOBODY), "log"]
        log.unlink()
