"""`tidings backup FILE`: database, media and keys in one archive."""

import json
import os
import subprocess
import tarfile
import tempfile
from datetime import datetime
from pathlib import Path

import psycopg
from alembic.migration import MigrationContext
from sqlalchemy import URL, make_url

from campaigns import clock, db
from campaigns.errors import TidingsError
from campaigns.keys import key_path, load_key_ring, write_private
from campaigns.settings import Settings
from cli.database import running_database
from cli.embedded_postgres import MAJOR, binary
from cli.reach import postgres_version

FORMAT = 1


class BackupFailed(TidingsError):
    """The backup could not be written."""

    code = "backup_failed"


def write_backup(settings: Settings, *, file: Path, now: datetime | None = None) -> str:
    """Write a backup and return a sentence about it; ``file`` is there only when it is whole.

    It works while everything runs: the database is read in one snapshot. Raises :class:`BackupFailed`.
    """
    file = file.absolute()
    try:
        with (
            running_database(settings),
            tempfile.TemporaryDirectory(dir=file.parent, prefix=".tidings-") as draft,
        ):
            folder = Path(draft)
            dump_database(settings, folder / "database.dump")
            write_private(folder / "master.key", key_text(settings) + "\n")
            write_private(folder / "manifest.json", manifest(settings, now or clock.now()))
            archive = folder / "archive"
            _pack(folder, settings.home_path / "media", archive)
            os.replace(archive, file)
    except OSError as error:
        raise BackupFailed(f"The backup {file} cannot be written: {error.strerror}.") from error
    size = file.stat().st_size / 1e6
    return f"{file} holds database, media and keys ({size:.1f} MB). Keep it as safe as the keys inside."


def dump_database(settings: Settings, file: Path) -> None:
    """Dump the database in pg_dump's own format; raises :class:`BackupFailed`."""
    version = postgres_version(settings)
    if version > MAJOR:
        raise BackupFailed(
            f"The database is PostgreSQL {version}, newer than our pg_dump ({MAJOR}): dump it with its own pg_dump, "
            "and copy the data folder's media and keys."
        )
    run_program("pg_dump", settings, ["--format=custom", "--no-owner", "--no-acl", f"--file={file}"])


def run_program(name: str, settings: Settings, arguments: list[str]) -> None:
    """Run one of PostgreSQL's programs on our database; the password travels in the environment, not in `ps`."""
    url = make_url(settings.effective_database_url)
    environment = os.environ | {"PGPASSWORD": str(url.password)} if url.password else dict(os.environ)
    command = [str(binary(name)), f"--dbname={_without_password(url)}", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
        raise BackupFailed(f"{name} did not succeed: {reason}")


def _without_password(url: URL) -> str:
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def plain_connection(settings: Settings) -> "psycopg.Connection[tuple[object, ...]]":
    """Return a connection of our own to the database, committing each statement."""
    url = make_url(settings.effective_database_url).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def key_text(settings: Settings) -> str:
    """Return the master key, or keys, as TIDINGS_SECRET_KEY or the key file spells them."""
    load_key_ring(settings)
    return settings.secret_key or key_path(settings).read_text().strip()


def manifest(settings: Settings, now: datetime) -> str:
    """Return what a restore must know before it touches anything, as JSON."""
    engine = db.make_engine(settings.effective_database_url)
    try:
        with engine.connect() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return json.dumps({"format": FORMAT, "made_at": now.isoformat(), "schema": revision}, indent=1) + "\n"


def _pack(folder: Path, media: Path, archive: Path) -> None:
    with (
        open(os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
        tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar,
    ):
        for name in ("manifest.json", "master.key", "database.dump"):
            tar.add(folder / name, arcname=name)
        if media.is_dir():
            tar.add(media, arcname="media")
