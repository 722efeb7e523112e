"""Commands that look after an installation which does not run: its database runs for as long as they need it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from campaigns import db
from campaigns.settings import get_settings
from cli.embedded_postgres import EmbeddedPostgres
from cli.home import is_home_locked, lock_home
from cli.main import main

Tidings = Callable[..., Result]


@pytest.fixture
def tidings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tidings]:
    monkeypatch.setenv("TIDINGS_HOME", str(folder / "var"))
    get_settings.cache_clear()

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(main, list(arguments))
        db.get_engine().dispose()
        db.bind(None)
        return result

    yield run
    assert not (folder / "var" / "postgres-18" / "postmaster.pid").exists()
    assert not is_home_locked(get_settings())


def test_commands_print_what_they_made_on_their_last_line(tidings: Tidings) -> None:
    made = tidings("users", "create", "Anna@example.com", "--role", "owner")
    assert made.exit_code == 0, made.output
    assert made.output.splitlines()[-1].startswith("http://127.0.0.1:8000/sign-in/")
    link = tidings("users", "link", "anna@example.com")
    assert link.output.splitlines()[-1].startswith("http://127.0.0.1:8000/sign-in/")
    assert link.output != made.output
    token = tidings("tokens", "create", "robot", "--role", "viewer")
    assert token.output.splitlines()[-1].startswith("tid_")
    again = tidings("users", "create", "ANNA@example.com")
    assert again.exit_code == 1
    assert "already" in again.output


def test_nobody_gets_a_link_who_may_not_sign_in(tidings: Tidings) -> None:
    refused = tidings("users", "link", "bert@example.com")
    assert refused.exit_code == 1
    assert "`.venv/bin/tidings users create bert@example.com`" in refused.output


def test_the_database_is_migrated_on_demand(tidings: Tidings) -> None:
    assert tidings("db", "upgrade").output.splitlines()[-1] == "The database is up to date."
    assert tidings("db", "upgrade").exit_code == 0


def test_a_backup_moves_an_installation(tidings: Tidings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDINGS_SECRET_KEY")
    get_settings.cache_clear()
    tidings("users", "create", "anna@example.com")
    assert tidings("backup", str(folder / "backup.tgz")).exit_code == 0
    refused = tidings("restore", str(folder / "backup.tgz"))
    assert refused.exit_code == 1
    assert "--force" in refused.output
    first_key = (folder / "var" / "keys" / "master.key").read_text()

    monkeypatch.setenv("TIDINGS_HOME", str(folder / "moved"))
    get_settings.cache_clear()
    restored = tidings("restore", str(folder / "backup.tgz"))
    assert restored.exit_code == 0, restored.output
    assert (folder / "moved" / "keys" / "master.key").read_text() == first_key
    assert tidings("users", "link", "anna@example.com").exit_code == 0


def test_doctor_says_what_is_in_the_way(tidings: Tidings, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = tidings("doctor")
    assert fine.exit_code == 0, fine.output
    assert "!!" not in fine.output
    monkeypatch.setenv("TIDINGS_REDIS_URL", "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    ill = tidings("doctor")
    assert ill.exit_code == 1
    assert [line[:9] for line in ill.output.splitlines() if line.startswith("!!")] == ["!! Redis:"]


def test_a_command_uses_the_database_of_a_running_launcher(tidings: Tidings, folder: Path) -> None:
    tidings("db", "upgrade")
    settings = get_settings()
    with lock_home(settings):
        server = EmbeddedPostgres(settings.home_path / "postgres-18", settings.run_path)
        server.start()
        try:
            assert tidings("users", "create", "anna@example.com").exit_code == 0
        finally:
            server.stop()
