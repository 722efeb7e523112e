"""Postfix's ``smtp-sink`` and ``smtp-source``: the fast mail server and the yardstick of the send bench."""

import contextlib
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PostfixTools:
    """Where the two programs are, and the environment they want."""

    sink: str
    source: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Yardstick:
    """What smtp-source did with as many kept connections as we had workers."""

    messages_per_second: float
    messages_per_cpu_second: float


def find_tools(folder: Path) -> PostfixTools | None:
    """Return Postfix's tools: the installed ones, else unpacked from Debian's package; None where neither can be."""
    (folder / "main.cf").touch()
    environment = {**os.environ, "MAIL_CONFIG": str(folder)}
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/postfix/sbin"])
    sink, source = shutil.which("smtp-sink", path=places), shutil.which("smtp-source", path=places)
    if sink and source:
        return PostfixTools(sink, source, environment)
    return _unpack(folder, environment)


def _unpack(folder: Path, environment: dict[str, str]) -> PostfixTools | None:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        quiet = {"cwd": folder, "check": True, "capture_output": True}
        subprocess.run(["apt-get", "download", "postfix"], **quiet)  # type: ignore[call-overload]
        package = next(folder.glob("postfix_*.deb"))
        subprocess.run(["dpkg", "-x", package.name, "unpacked"], **quiet)  # type: ignore[call-overload]
        programs = folder / "unpacked" / "usr" / "sbin"
        environment["LD_LIBRARY_PATH"] = str(folder / "unpacked" / "usr" / "lib" / "postfix")
        return PostfixTools(str(programs / "smtp-sink"), str(programs / "smtp-source"), environment)
    return None


@contextlib.contextmanager
def running_sinks(tools: PostfixTools, count: int) -> Iterator[list[str]]:
    """Run ``count`` sinks and yield their addresses: one hides every sender that is faster than it."""
    addresses = [f"127.0.0.1:{free_port()}" for _ in range(count)]
    as_root = ["-u", "nobody"] if os.geteuid() == 0 else []
    processes = [
        subprocess.Popen([tools.sink, *as_root, address, "512"], env=tools.environment) for address in addresses
    ]
    try:
        for address in addresses:
            _wait_for(address)
        yield addresses
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"smtp-sink does not answer on {address}.")


def measure_source(
    tools: PostfixTools, addresses: Sequence[str], *, messages: int, size_bytes: int, connections: int
) -> Yardstick:
    """Return the rates of smtp-source, one process a connection, the connection kept."""
    each = messages // connections
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    processes = [
        subprocess.Popen(
            [tools.source, "-d", "-s", "1", "-l", str(size_bytes), "-m", str(each), addresses[n % len(addresses)]],
            env=tools.environment,
        )
        for n in range(connections)
    ]
    for process in processes:
        if process.wait():
            raise SystemExit("smtp-source failed.")
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Yardstick(each * connections / seconds, each * connections / cpu)


def make_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="tidings-postfix-"))
