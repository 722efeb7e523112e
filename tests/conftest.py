"""What every test stands on: real PostgreSQL, real Valkey, a home of its own, no way out of the machine.

- ``session``: one transaction, rolled back after the test. ``transaction()`` and ``read_session()`` join it,
  so code that commits can be called too; nothing is ever really committed.
- ``committed_database``: a database of the test's own, for real commits, several connections and processes.
- ``valkey``: a real, empty Valkey; without it the queue is away, and wake-ups are dropped with a warning.
"""

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
from playwright.sync_api import Browser as PlaywrightBrowser
from playwright.sync_api import sync_playwright
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from campaigns import db, queue
from campaigns.settings import Settings, get_settings
from campaigns.signing import KeyRing
from cli.database import upgrade
from cli.embedded_postgres import EmbeddedPostgres
from cli.embedded_valkey import EmbeddedValkey

SECRET_KEY = "a fixed key that only tests know and that is long enough"
# No deadline: a busy machine is no fault. In CI the same examples every time: a chance find there stops everybody.
hypothesis.settings.register_profile("house", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis.settings.load_profile("house")
CHROMIUM = "/usr/bin/chromium"
SHARED_DATA = Path(__file__).parent.parent.parent / "shared"


@dataclass(frozen=True)
class Cluster:
    """The run's PostgreSQL, with its ``template`` database already migrated."""

    server: EmbeddedPostgres

    def copy(self, name: str) -> str:
        """Make a fresh database with today's schema and return its URL."""
        self.server.create_database(name, template="template")
        return self.server.url(name)


class RunCluster:
    """One cluster for the whole run, xdist workers included: started by whoever is first in charge."""

    folder: Path | None = None
    server: EmbeddedPostgres | None = None

    @classmethod
    def start(cls) -> Path:
        if cls.folder is None:
            cls.folder = Path(tempfile.mkdtemp(prefix="tidings-tests-"))
            cls.server = EmbeddedPostgres(cls.folder / "postgres", cls.folder / "run", fsync=False)
            cls.server.start()
            cls.server.create_database("template")
            engine = db.make_engine(cls.server.url("template"))
            upgrade(engine)
            engine.dispose()
        return cls.folder

    @classmethod
    def stop(cls) -> None:
        if cls.server is not None:
            cls.server.stop(timeout_seconds=5)
        if cls.folder is not None:
            shutil.rmtree(cls.folder, ignore_errors=True)
        cls.folder = cls.server = None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each xdist worker where the controller's cluster is."""
    node.workerinput["cluster"] = str(RunCluster.start())


def pytest_unconfigure(config: pytest.Config) -> None:
    RunCluster.stop()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    given = getattr(request.config, "workerinput", {}).get("cluster")
    folder = Path(given) if given else RunCluster.start()
    return Cluster(EmbeddedPostgres(folder / "postgres", folder / "run", fsync=False))


@pytest.fixture(scope="session")
def worker_engine(cluster: Cluster) -> Iterator[Engine]:
    """The database of this test process, in which nothing is ever committed."""
    name = "worker_" + os.environ.get("PYTEST_XDIST_WORKER", "main")
    engine = db.make_engine(cluster.copy(name))
    yield engine
    engine.dispose()


@pytest.fixture
def session(worker_engine: Engine, settings: Settings) -> Iterator[Session]:
    """A session whose test is one transaction; commits inside it are savepoints."""
    with worker_engine.connect() as connection:
        outer = connection.begin()

        def joined() -> Session:
            return Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)

        db.bind(worker_engine, joined)
        with joined() as test_session:
            yield test_session
        db.bind(None)
        outer.rollback()


@pytest.fixture
def committed_database(cluster: Cluster, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a migrated database of this test's own; ``campaigns.db`` and child processes use it."""
    name = f"own_{secrets.token_hex(6)}"
    url = cluster.copy(name)
    monkeypatch.setenv("TIDINGS_DATABASE_URL", url)
    get_settings.cache_clear()
    engine = db.make_engine(url)
    db.bind(engine)
    yield url
    db.bind(None)
    engine.dispose()
    cluster.server.drop_database(name)


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[EmbeddedValkey]:
    folder = Path(tempfile.mkdtemp(prefix="tidings-valkey-"))
    server = EmbeddedValkey(folder / "valkey", folder / "valkey.sock")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def valkey(valkey_server: EmbeddedValkey, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """An empty Valkey that the queue uses; child processes too."""
    monkeypatch.setenv("TIDINGS_REDIS_URL", valkey_server.url)
    get_settings.cache_clear()
    client = redis.Redis.from_url(valkey_server.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    """A port of this machine that is ours and answers nobody."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of an installation that is this test's alone; mail goes nowhere unless the test opened the server.

    A test that wants other settings sets the variable and calls ``get_settings.cache_clear()``.
    """
    for name in [name for name in os.environ if name.startswith("TIDINGS_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TIDINGS_HOME", str(home))
    monkeypatch.setenv("TIDINGS_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("TIDINGS_INBOX_PORT", str(closed_port))
    get_settings.cache_clear()
    queue.connection.cache_clear()
    yield get_settings()
    get_settings.cache_clear()
    queue.connection.cache_clear()


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test talks to another machine."""
    connect = socket.socket.connect

    def connect_inside(self: socket.socket, address: Any) -> None:
        inside = self.family == socket.AF_UNIX or str(address[0]) in ("127.0.0.1", "::1", "localhost")
        if not inside:
            raise AssertionError(f"A test tried to reach {address!r}.")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_inside)


@pytest.fixture
def key_ring() -> KeyRing:
    return KeyRing.from_text(SECRET_KEY)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test data that is not part of the product; tests that need it are skipped without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"there is no test data at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def chromium() -> Iterator[PlaywrightBrowser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no {CHROMIUM}; `apt-get install chromium` brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
