"""The launcher as a person meets it: start, stop, start again, kill, and everything that can be in the way."""

import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.settings import Settings
from cli.children import NOBODY
from tests.cli.launcher import Launcher

pytestmark = pytest.mark.journey


@pytest.fixture
def launcher(folder: Path) -> Iterator[Launcher]:
    launcher = Launcher(folder / "var")
    yield launcher
    if launcher.process is not None and launcher.process.poll() is None:
        launcher.stop()


def answers(launcher: Launcher) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{launcher.port}/healthz", timeout=10) as answer:
        return answer.status == 200


def test_everything_starts_stops_and_starts_again_with_its_data(launcher: Launcher) -> None:
    launcher.start()
    assert answers(launcher)
    assert [line[:3] for line in launcher.said().splitlines()[:4]] == ["1/4", "2/4", "3/4", "4/4"]
    assert ".venv/bin/tidings users link owner@localhost" in launcher.said()
    names = set(launcher.children().values())
    assert {"postgres", "valkey-server", "inbox", "scheduler", "worker-send-1", "worker-bulk", "web"} <= names
    assert launcher.run("users", "create", "anna@example.com", "--role", "editor").returncode == 0
    assert launcher.stop(signal.SIGINT) == 0
    assert "Everything is kept" in launcher.said()
    assert launcher.children() == {}

    launcher.start()
    assert answers(launcher)
    made_again = launcher.run("users", "create", "anna@example.com")
    assert made_again.returncode == 1
    assert "already" in made_again.stderr


def test_a_killed_launcher_leaves_no_child_and_can_be_started_at_once(launcher: Launcher) -> None:
    launcher.start()
    assert len(launcher.children()) > 8
    launcher.stop(signal.SIGKILL)
    assert launcher.no_child_left()
    launcher.start()
    assert answers(launcher)
    launcher.stop(signal.SIGKILL)
    launcher.start()
    assert answers(launcher)


def test_parts_that_are_killed_come_back(launcher: Launcher) -> None:
    launcher.start()
    noted = Settings(home=launcher.home).run_path / "children.json"
    before = {name: child["pid"] for name, child in json.loads(noted.read_text()).items()}
    for name in ("web", "valkey", "postgres", "worker-send-1"):
        os.kill(before[name], signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        after = {name: child["pid"] for name, child in json.loads(noted.read_text()).items()}
        if len(after) == len(before) and all(after[name] != before[name] for name in ("web", "valkey", "postgres")):
            break
        time.sleep(0.2)
    assert "postgres ended with signal SIGKILL; starting it again" in launcher.said()
    assert launcher.run("users", "link", "owner@localhost").returncode == 0
    while time.monotonic() < deadline:
        try:
            assert answers(launcher)
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(launcher.said())


def test_a_taken_port_is_one_sentence(launcher: Launcher) -> None:
    with socket.create_server(("127.0.0.1", launcher.port)):
        refused = launcher.run("up")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert f"`TIDINGS_PORT={launcher.port + 1} make run`" in refused.stderr
    assert launcher.children() == {}


def test_a_database_that_is_away_is_one_sentence(folder: Path) -> None:
    url = "postgresql://me:very-secret@127.0.0.1:1/tidings"
    refused = Launcher(folder / "var", TIDINGS_DATABASE_URL=url, TIDINGS_SECRET_KEY="a key that is long enough").run(
        "up"
    )
    assert refused.returncode == 1
    assert "cannot be reached" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "very-secret" not in refused.stderr + refused.stdout


def test_a_database_of_ones_own_needs_the_key(folder: Path) -> None:
    refused = Launcher(folder / "var", TIDINGS_DATABASE_URL="postgresql://127.0.0.1:1/tidings").run("up")
    assert refused.returncode == 1
    assert "openssl rand -hex 32" in refused.stderr


def test_stores_of_ones_own_are_used(committed_database: str, valkey: object, folder: Path) -> None:
    launcher = Launcher(
        folder / "var",
        TIDINGS_DATABASE_URL=committed_database,
        TIDINGS_REDIS_URL=os.environ["TIDINGS_REDIS_URL"],
        TIDINGS_SECRET_KEY="a key that is long enough",
    )
    launcher.start()
    try:
        assert answers(launcher)
        assert {"postgres", "valkey-server"}.isdisjoint(launcher.children().values())
        assert not (launcher.home / "keys").exists()
    finally:
        assert launcher.stop() == 0
    other = Launcher(launcher.home, **launcher.environment | {"TIDINGS_SECRET_KEY": "another key which is not it"})
    refused = other.run("up")
    assert refused.returncode == 1
    assert "another master key" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_runs_it_in_a_closed_folder(folder: Path) -> None:
    """The capability only lets them read this checkout, wherever it lies; what they write must be their own."""
    folder.chmod(0o700)
    os.chown(folder, NOBODY, NOBODY)
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=+all"]
    become += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    launcher = Launcher(folder / "var", before=become)
    launcher.start()
    try:
        assert answers(launcher)
        assert {path.stat().st_uid for path in launcher.home.rglob("*")} == {NOBODY}
    finally:
        assert launcher.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_home_that_is_somebody_elses_is_one_sentence(folder: Path) -> None:
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=+all"]
    become += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    refused = Launcher(folder / "var", before=become).run("up")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "sudo chown" in refused.stderr
