"""A backup brings everything back, somewhere else, once, and held."""

import io
import json
import secrets
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text

from campaigns import clock, db
from campaigns.keys import KeyMissing, key_path
from campaigns.settings import Settings
from cli.backup import BackupFailed, write_backup
from cli.database import DatabaseNewer
from cli.home import HomeInUse, lock_home
from cli.restore import DatabaseBusy, DatabaseNotEmpty, NotABackup, restore_backup
from tests.builders import make_contact, make_user
from tests.conftest import Cluster

KEY = "the key of the old machine is long enough"


@pytest.fixture
def old_machine(committed_database: str, tmp_path: Path) -> Settings:
    """An installation with a user, a contact and a picture."""
    settings = Settings(home=tmp_path / "old", database_url=committed_database, secret_key=KEY)
    (settings.home_path / "media" / "ab").mkdir(parents=True)
    (settings.home_path / "media" / "ab" / "picture.png").write_bytes(b"a picture")
    with db.transaction() as session:
        make_user(session, email="anna@example.com")
        make_contact(session, email="grün@example.com")
    db.get_engine().dispose()
    return settings


@pytest.fixture
def backup(old_machine: Settings, tmp_path: Path) -> Path:
    file = tmp_path / "backup.tgz"
    write_backup(old_machine, file=file)
    return file


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[str]:
    name = f"empty_{secrets.token_hex(6)}"
    cluster.server.create_database(name)
    yield cluster.server.url(name)
    cluster.server.drop_database(name)


@pytest.fixture
def new_machine(empty_database: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "new", database_url=empty_database, secret_key=KEY)


def ask(settings: Settings, query: str) -> list[tuple[object, ...]]:
    url = make_url(settings.effective_database_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def repack(backup: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """Return a copy of a backup in which ``change`` has put (or left out) each member."""
    changed = backup.with_name("changed.tgz")
    with tarfile.open(backup) as old, tarfile.open(changed, "w:gz") as new:
        for member in old.getmembers():
            source = old.extractfile(member)
            content = change(member.name, source.read() if source else b"")
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return changed


def test_a_backup_is_private_and_whole(backup: Path) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with tarfile.open(backup) as tar:
        names = tar.getnames()
    assert {"manifest.json", "master.key", "database.dump", "media/ab/picture.png"} <= set(names)
    assert [path.name for path in backup.parent.glob(".tidings-*")] == []


def test_everything_comes_back_and_is_held(backup: Path, new_machine: Settings) -> None:
    now = clock.now()
    assert "Nothing will be sent" in restore_backup(new_machine, file=backup, force=False, now=now)
    assert ask(new_machine, "SELECT email FROM user_account") == [("anna@example.com",)]
    assert ask(new_machine, "SELECT email FROM contact") == [("grün@example.com",)]
    assert ask(new_machine, "SELECT held_at, hold_reason FROM installation") == [(now, "restored")]
    assert (new_machine.home_path / "media" / "ab" / "picture.png").read_bytes() == b"a picture"
    assert ask(new_machine, "SELECT nspname FROM pg_namespace WHERE nspname = 'before_restore'") == []


def test_a_backup_of_a_restored_database_can_be_restored(backup: Path, new_machine: Settings, tmp_path: Path) -> None:
    restore_backup(new_machine, file=backup, force=False)
    write_backup(new_machine, file=tmp_path / "second.tgz")
    ask(new_machine, "DELETE FROM contact")
    restore_backup(new_machine, file=tmp_path / "second.tgz", force=True)
    assert ask(new_machine, "SELECT email FROM contact") == [("grün@example.com",)]


def test_a_database_that_holds_something_is_not_overwritten(backup: Path, old_machine: Settings) -> None:
    ask(old_machine, "UPDATE user_account SET name = 'changed since'")
    with pytest.raises(DatabaseNotEmpty, match="--force"):
        restore_backup(old_machine, file=backup, force=False)
    assert ask(old_machine, "SELECT name FROM user_account") == [("changed since",)]
    restore_backup(old_machine, file=backup, force=True)
    assert ask(old_machine, "SELECT name FROM user_account") == [("Anna",)]


def test_a_broken_dump_leaves_the_database_as_it_was(backup: Path, old_machine: Settings) -> None:
    half = repack(backup, lambda name, content: content[: len(content) // 2] if name == "database.dump" else content)
    with pytest.raises(BackupFailed, match="pg_restore"):
        restore_backup(old_machine, file=half, force=True)
    assert ask(old_machine, "SELECT email FROM user_account") == [("anna@example.com",)]
    assert ask(old_machine, "SELECT held_at FROM installation") == [(None,)]


def test_nobody_else_works_with_the_database_meanwhile(backup: Path, old_machine: Settings) -> None:
    with db.read_session() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseBusy, match="stop every Tidings process"):
            restore_backup(old_machine, file=backup, force=True)
    db.get_engine().dispose()


@pytest.mark.parametrize("missing", ["manifest.json", "master.key", "database.dump"])
def test_half_a_backup_is_refused_before_anything_is_touched(backup: Path, new_machine: Settings, missing: str) -> None:
    with pytest.raises(NotABackup):
        restore_backup(new_machine, file=repack(backup, lambda n, c: None if n == missing else c), force=True)
    assert ask(new_machine, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []


def test_a_file_that_is_no_backup_is_refused(new_machine: Settings, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(NotABackup, match="not a whole backup"):
        restore_backup(new_machine, file=tmp_path / "text", force=False)


def test_a_backup_of_a_newer_version_is_refused(backup: Path, new_machine: Settings) -> None:
    def newer(name: str, content: bytes) -> bytes:
        return json.dumps({**json.loads(content), "schema": "of tomorrow"}).encode() if "manifest" in name else content

    with pytest.raises(DatabaseNewer, match="of tomorrow"):
        restore_backup(new_machine, file=repack(backup, newer), force=False)


def test_a_backup_cannot_write_outside_its_folder(backup: Path, new_machine: Settings, tmp_path: Path) -> None:
    with tarfile.open(backup.with_name("evil.tgz"), "w:gz") as evil:
        evil.addfile(tarfile.TarInfo("../../escaped"), io.BytesIO())
    with pytest.raises(NotABackup):
        restore_backup(new_machine, file=backup.with_name("evil.tgz"), force=False)
    assert list(tmp_path.rglob("escaped")) == []


def test_another_key_in_the_environment_is_pointed_out(backup: Path, new_machine: Settings) -> None:
    settings = new_machine.model_copy(update={"secret_key": "some other key that is long enough"})
    assert "Set TIDINGS_SECRET_KEY" in restore_backup(settings, file=backup, force=False)
    assert (settings.home_path / "keys" / "restored.key").read_text().strip() == KEY


def test_an_embedded_installation_moves_with_its_key(backup: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "embedded", database_url=None, secret_key=None)
    key_path(settings).parent.mkdir(parents=True)
    key_path(settings).write_text("the key that was here before")
    said = restore_backup(settings, file=backup, force=False)
    assert key_path(settings).read_text().strip() == KEY
    assert stat.S_IMODE(key_path(settings).stat().st_mode) == 0o600
    aside = next(key_path(settings).parent.glob("master.key.before-*"))
    assert str(aside) in said
    assert aside.read_text() == "the key that was here before"
    write_backup(settings, file=tmp_path / "again.tgz")
    with lock_home(settings), pytest.raises(HomeInUse):
        restore_backup(settings, file=backup, force=True)


def test_a_folder_that_cannot_be_written_is_one_sentence(old_machine: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="cannot be written"):
        write_backup(old_machine, file=tmp_path / "missing" / "backup.tgz")


def test_no_backup_is_made_without_its_key(old_machine: Settings, tmp_path: Path) -> None:
    with pytest.raises(KeyMissing):
        write_backup(old_machine.model_copy(update={"secret_key": None}), file=tmp_path / "backup.tgz")
    assert list(tmp_path.glob("backup.tgz")) == []
