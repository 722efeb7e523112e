"""A real server for the public addresses, and the public application for its pages."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from campaigns.hits import SpoolReader
from campaigns.settings import Settings
from campaigns.signing import KeyRing
from tests.conftest import SECRET_KEY
from web.public.app import create_public_app

SERVE = (
    "from campaigns.settings import get_settings; from web.server import serve; serve(get_settings(), {public_only})"
)
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"


class Server:
    """A server process of its own, by default with no database behind it."""

    def __init__(self, home: Path, *, database_url: str = NO_DATABASE, public_only: bool = True, **other: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.home = home
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")},
            "TIDINGS_SECRET_KEY": SECRET_KEY,
            "TIDINGS_HOME": str(home),
            "TIDINGS_PORT": str(self.port),
            "TIDINGS_DATABASE_URL": database_url,
            **other,
        }
        code = SERVE.format(public_only=public_only)
        self.process = subprocess.Popen([sys.executable, "-c", code], env=environment)
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self._spool = SpoolReader(home / "spool" / "hits")
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.client.get("/healthz")
                return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the server did not start")

    def new_hits(self) -> list[dict[str, Any]]:
        """The hits that were kept since this was last asked."""
        records: list[dict[str, Any]] = []
        for chunk in self._spool.chunks():
            records += chunk.records
            self._spool.done(chunk)
        return records

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(5)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(home: Path | None = None, **other: str) -> Server:
        server = Server(home or tmp_path / "server", **other)  # type: ignore[arg-type]
        servers.append(server)
        return server

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.kill()


@pytest.fixture
def server(shared_server: Server) -> Server:
    """A server that tests may share; whoever stops it or fills its disk starts one of their own."""
    shared_server.new_hits()
    shared_server.client.cookies.clear()
    return shared_server


@pytest.fixture
def reader(settings: Settings, key_ring: KeyRing) -> FlaskClient:
    """A subscriber's browser on the public pages."""
    return create_public_app(settings, key_ring).test_client()
