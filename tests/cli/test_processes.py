"""The supervisor: the dead are started again, the living stopped in order."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cli.children import Forked, fork_child
from cli.processes import Part, Stopped, Supervisor, end_leftovers
from tests.cli.test_children import wait_until_dead


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    before = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    }
    supervisor = Supervisor(say=said.append, children_file=tmp_path / "children.json")
    supervisor.listen()
    yield supervisor
    supervisor.stop()
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


def sleeper(tmp_path: Path, name: str = "sleeper") -> Forked:
    return fork_child(partial(time.sleep, 600), name=name, log_file=tmp_path / name)


def stop_soon(after_seconds: float) -> None:
    threading.Timer(after_seconds, os.kill, (os.getpid(), signal.SIGTERM)).start()


def test_a_part_that_dies_is_started_again(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    part = Part("sleeper", partial(sleeper, tmp_path))
    supervisor.start(part)
    assert part.child is not None
    first = part.child.pid
    os.kill(first, signal.SIGKILL)
    stop_soon(1.0)
    supervisor.run()
    assert part.child is not None
    assert part.child.pid != first
    assert part.child.poll() is None
    assert said == ["sleeper ended with signal SIGKILL; starting it again in 0.5 s."]


def test_pauses_grow_while_a_part_keeps_dying(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    supervisor.start(Part("dying", lambda: fork_child(lambda: None, name="dying", log_file=tmp_path / "log")))
    stop_soon(6.0)
    supervisor.run()
    assert [text.rsplit(" ", 2)[1] for text in said][:3] == ["0.5", "1", "2"]
    assert Part("any", lambda: Forked(0), deaths=50).pause_seconds() == 30


def test_a_part_that_cannot_start_takes_no_other_down(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    steady = Part("steady", partial(sleeper, tmp_path))
    supervisor.start(steady)

    def start() -> Forked:
        if broken.started_at and said:
            raise OSError("no room")
        return fork_child(lambda: None, name="broken", log_file=tmp_path / "log")

    broken = Part("broken", start)
    supervisor.start(broken)
    stop_soon(1.0)
    supervisor.run()
    assert "broken did not start: no room; starting it again in 1 s." in said
    assert steady.child is not None
    assert steady.child.poll() is None


def test_higher_tiers_are_gone_before_lower_ones_are_asked(supervisor: Supervisor, tmp_path: Path) -> None:
    order = tmp_path / "order"

    def tell(name: str) -> None:
        def leave(number: int, frame: object) -> None:
            with open(order, "a") as file:
                file.write(name + "\n")
            os._exit(0)

        signal.signal(signal.SIGTERM, leave)
        (tmp_path / f"{name}.ready").touch()
        time.sleep(600)

    for tier, name in enumerate(["postgres", "valkey", "worker", "web"]):
        supervisor.start(
            Part(name, partial(fork_child, partial(tell, name), name=name, log_file=tmp_path / "log"), tier=tier)
        )
    while len(list(tmp_path.glob("*.ready"))) < 4:
        time.sleep(0.02)
    supervisor.stop()
    assert order.read_text().split() == ["web", "worker", "valkey", "postgres"]


def test_a_part_that_ignores_its_signals_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (tmp_path / "ready").touch()
        time.sleep(600)

    part = Part("deaf", lambda: fork_child(ignore, name="deaf", log_file=tmp_path / "log"), ((signal.SIGTERM, 0.2),))
    supervisor.start(part)
    while not (tmp_path / "ready").exists():
        time.sleep(0.02)
    supervisor.stop()
    assert part.child is not None
    assert part.child.poll() == -signal.SIGKILL


def test_what_a_dead_part_left_behind_is_killed_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    def have_a_child() -> None:
        child = subprocess.Popen(["sleep", "600"])
        (tmp_path / "grandchild").write_text(str(child.pid))
        os.kill(os.getpid(), signal.SIGKILL)

    supervisor.start(Part("parent", lambda: fork_child(have_a_child, name="parent", log_file=tmp_path / "log")))
    stop_soon(0.4)
    supervisor.run()
    assert wait_until_dead(int((tmp_path / "grandchild").read_text()))


def test_a_signal_while_starting_ends_the_start(supervisor: Supervisor) -> None:
    with pytest.raises(Stopped):
        os.kill(os.getpid(), signal.SIGINT)


def test_the_next_launcher_ends_who_outlived_the_last_one(supervisor: Supervisor, tmp_path: Path) -> None:
    child = sleeper(tmp_path, "outliving")
    supervisor.start(Part("outliving", lambda: child))
    end_leftovers(tmp_path / "children.json", patience_seconds=0.1)
    assert child.poll() == -signal.SIGKILL
    assert not (tmp_path / "children.json").exists()


def test_a_process_that_got_an_old_number_is_left_alone(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    file = tmp_path / "children.json"
    file.write_text(f'{{"web": {{"pid": {child.pid}, "born": "1"}}}}')
    end_leftovers(file, patience_seconds=0.1)
    assert child.poll() is None
    child.send_signal(signal.SIGKILL)
    assert wait_until_dead(child.pid)
