"""`tidings restore FILE`: bring back a backup, held, so that nothing is sent twice by a copy."""

import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from campaigns import clock, db
from campaigns.errors import Conflict, InvalidInput
from campaigns.keys import key_path, write_private
from campaigns.models.installation import Installation
from campaigns.settings import Settings
from cli.backup import FORMAT, plain_connection, run_program
from cli.database import embedded_postgres, refuse_newer, upgrade
from cli.home import lock_home, prepare_home

OLD_SCHEMA = "before_restore"


class NotABackup(InvalidInput):
    """The file is no backup that we can read."""

    code = "not_a_backup"


class DatabaseNotEmpty(Conflict):
    """The database holds something that would be lost."""

    code = "database_not_empty"


class DatabaseBusy(Conflict):
    """Somebody still works with the database."""

    code = "database_busy"


def restore_backup(settings: Settings, *, file: Path, force: bool, now: datetime | None = None) -> str:
    """Restore a backup into an empty database (or, with ``force``, instead of what is there).

    The installation is *held* afterwards: nothing is sent until a person releases it. Returns a sentence that says
    so. Either everything is restored or the database is as before. Raises :class:`NotABackup`,
    :class:`DatabaseNotEmpty`, :class:`DatabaseBusy`, and what is wrong with the data folder.
    """
    prepare_home(settings)
    with tempfile.TemporaryDirectory(dir=settings.home_path, prefix=".restore-") as draft:
        folder = Path(draft)
        _unpack(file, folder)
        with _database_to_ourselves(settings):
            _refuse_to_overwrite(settings, force)
            _replace_database(settings, folder / "database.dump")
            _hold(settings, now or clock.now())
        kept = _bring_back_key(settings, folder / "master.key")
        _bring_back_media(settings, folder / "media")
    return (
        f"{file} is restored. Nothing will be sent until an owner releases the installation (the page says how). {kept}"
    ).strip()


def _unpack(file: Path, folder: Path) -> None:
    try:
        with tarfile.open(file, "r:gz") as tar:
            tar.extractall(folder, filter="data")
        found = json.loads((folder / "manifest.json").read_text())
        complete = (folder / "master.key").is_file() and (folder / "database.dump").is_file()
        revision = found["schema"]
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
        raise NotABackup(f"{file} is not a whole backup made by `tidings backup`: {error}.") from error
    if found.get("format") != FORMAT or not complete:
        raise NotABackup(f"{file} was made by another version of `tidings backup`: restore it with that version.")
    refuse_newer(revision)


@contextmanager
def _database_to_ourselves(settings: Settings) -> Iterator[None]:
    """Keep every other Tidings away: by the lock of the data folder, or by looking who is connected."""
    if settings.uses_embedded_database:
        with lock_home(settings):
            server = embedded_postgres(settings)
            server.start()
            try:
                server.create_database("tidings")
                yield
            finally:
                server.stop()
        return
    with plain_connection(settings) as connection:
        others = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    if others is not None and others[0]:
        raise DatabaseBusy(
            f"{others[0]} other connections use the database: stop every Tidings process, then restore again."
        )
    yield


def _refuse_to_overwrite(settings: Settings, force: bool) -> None:
    with plain_connection(settings) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if found is not None and found[0] and not force:
        raise DatabaseNotEmpty(
            "The database is not empty, and a restore replaces what it holds: make a backup of it first "
            "(`tidings backup FILE`), then restore with `--force`."
        )


def _replace_database(settings: Settings, dump: Path) -> None:
    """Restore beside what is there, and let go of that only when the restore has succeeded."""
    with plain_connection(settings) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {OLD_SCHEMA} CASCADE")
        connection.execute(f"ALTER SCHEMA public RENAME TO {OLD_SCHEMA}")
        connection.execute("CREATE SCHEMA public")
        try:
            run_program("pg_restore", settings, ["--no-owner", "--no-acl", "--single-transaction", str(dump)])
        except BaseException:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute(f"ALTER SCHEMA {OLD_SCHEMA} RENAME TO public")
            raise
        connection.execute(f"DROP SCHEMA {OLD_SCHEMA} CASCADE")


def _hold(settings: Settings, now: datetime) -> None:
    engine = db.make_engine(settings.effective_database_url)
    db.bind(engine)
    try:
        upgrade(engine)
        with db.transaction() as session:
            installation = session.get_one(Installation, 1)
            installation.held_at, installation.hold_reason = now, "restored"
    finally:
        db.bind(None)
        engine.dispose()


def _bring_back_key(settings: Settings, restored: Path) -> str:
    """Put the key where it belongs; return what the person must do about it, if anything."""
    text, path = restored.read_text().strip(), key_path(settings)
    if settings.secret_key is not None or not settings.uses_embedded_database:
        if text == settings.secret_key:
            return ""
        path = path.with_name("restored.key")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, text + "\n")
        return f"Set TIDINGS_SECRET_KEY to what {path} holds: it is the key of the restored database."
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = ""
    if path.exists() and path.read_text().strip() != text:
        aside = path.with_name(f"master.key.before-{clock.now():%Y%m%dT%H%M%S}")
        path.rename(aside)
        kept = f"The key that was here before is kept as {aside}."
    write_private(path, text + "\n")
    return kept


def _bring_back_media(settings: Settings, restored: Path) -> None:
    """Add the backup's media files; their names come from their content, so that none is overwritten by another."""
    if restored.is_dir():
        shutil.copytree(restored, settings.home_path / "media", dirs_exist_ok=True)
        os.sync()
