"""Reach the database, starting the embedded one where it does not run, and bring it to this code's schema."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

import migrations
from campaigns.db import make_engine
from campaigns.errors import TidingsError
from campaigns.settings import Settings
from cli.embedded_postgres import MAJOR, EmbeddedPostgres
from cli.home import is_home_locked, lock_home, prepare_home
from cli.logs import open_log
from cli.reach import DatabaseUnreachable, postgres_version

START_PATIENCE_SECONDS = 30.0


class DatabaseNewer(TidingsError):
    """The database has a schema that this code does not know."""

    code = "database_newer"


def alembic_config() -> Config:
    """Return Alembic's configuration, without needing pyproject.toml beside us."""
    assert migrations.__file__ is not None
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    return config


def upgrade(engine: Engine, *, revision: str = "head") -> None:
    """Run every migration that ``engine``'s database has not seen; harmless when there is none.

    Several processes may call it at once: an advisory lock lets one through at a time (migrations/env.py).
    """
    config = alembic_config()
    with engine.connect() as connection:
        refuse_newer(MigrationContext.configure(connection).get_current_revision())
        connection.rollback()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def refuse_newer(revision: str | None) -> None:
    """Return when this code knows the schema ``revision``; raises :class:`DatabaseNewer`."""
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseNewer(
            f"The database has the schema {revision}, which this version of Tidings does not know: it was used with "
            "a newer version. Start that one, or restore a backup made by this one with `tidings restore FILE`."
        )


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """Return the embedded server of this installation, not started."""
    log = open_log(settings.home_path / "log", "postgres")
    return EmbeddedPostgres(settings.home_path / f"postgres-{MAJOR}", settings.run_path, log=log)


@contextmanager
def running_database(settings: Settings) -> Iterator[None]:
    """Make sure that the database answers and has today's schema.

    Where the embedded one does not run, it runs for the time of this block. Raises what is wrong with the data
    folder, or :class:`DatabaseUnreachable`.
    """
    if _answers(settings):
        _upgrade_once(settings)
        yield
        return
    prepare_home(settings)
    with lock_home(settings):
        server = embedded_postgres(settings)
        server.start()
        try:
            server.create_database("tidings")
            _upgrade_once(settings)
            yield
        finally:
            server.stop()


def _upgrade_once(settings: Settings) -> None:
    engine = make_engine(settings.effective_database_url)
    try:
        upgrade(engine)
    finally:
        engine.dispose()


def _answers(settings: Settings) -> bool:
    """Say whether the database answers; one whose launcher is just starting is waited for."""
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while True:
        try:
            postgres_version(settings)
        except DatabaseUnreachable:
            if not settings.uses_embedded_database:
                raise
            if time.monotonic() > deadline or not is_home_locked(settings):
                return False
            time.sleep(0.2)
        else:
            return True
