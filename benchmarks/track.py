"""Tracking hits: requests per second against nginx's ``empty_gif`` in the same run, and the proof that all were kept.

Both serve one process to 32 kept connections of ``wrk``. Then our own client sends hits at half of the rate found, at
a constant rate, each timed from when it was due (so that a stall counts for everybody it held up), and in the end
every answered hit is looked for in the spool.
"""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from campaigns.hits import SpoolReader
from campaigns.signing import KeyRing

SECRET = "a key for measuring only, of enough length"
CONNECTIONS = 32
TOKENS = 2000
BUDGET_SHARE = 0.15
BUDGET_P99_MS = 10.0
NGINX = """
worker_processes 1; daemon off; error_log stderr crit; pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; location / {{ empty_gif; }} }} }}
"""
SCRIPT = """
local paths = {}
for line in io.lines(os.getenv("TIDINGS_BENCH_PATHS")) do paths[#paths + 1] = line end
local number = 0
request = function()
  number = number % #paths + 1
  return wrk.format("GET", paths[number])
end
"""


@dataclass(frozen=True)
class TrackResult:
    """What was measured; None where the yardstick's programs are not installed."""

    hits_per_second: float
    p50_ms: float
    p99_ms: float
    nginx_per_second: float | None
    share_of_nginx: float | None
    constant_rate: float
    constant_p50_ms: float
    constant_p99_ms: float
    constant_late: int
    answered: int
    kept: int
    lost: int
    notes: tuple[str, ...]

    @property
    def meets_budget(self) -> bool:
        """Whether DESIGN's budget holds: 0.15 of nginx, p99 of 10 ms at half the rate, and nothing lost."""
        share = self.share_of_nginx is None or self.share_of_nginx >= BUDGET_SHARE
        return share and self.constant_p99_ms <= BUDGET_P99_MS and self.lost == 0


def measure(*, seconds: int = 8, folder: Path | None = None) -> TrackResult:
    """Measure the server in ``folder`` (a temporary one by default, on whatever disk that is)."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        home = Path(name)
        notes = [
            f"{os.cpu_count()} CPUs",
            f"python {sys.version.split()[0]}",
            "fdatasync on",
            f"spool in {home.parent}",
        ]
        paths = write_paths(home)
        nginx = measure_nginx(home, seconds)
        if nginx is None:
            notes.append("nginx is not installed: no yardstick")
        with our_server(home) as port:
            if shutil.which("wrk"):
                rate, p50, p99, flooded = flood(port, home, seconds)
            else:
                notes.append("wrk is not installed: loaded by our own client, which is the slower of the two")
                rate, p50, p99, flooded = 2000.0, 0.0, 0.0, 0
            constant = asyncio.run(send_constantly(port, paths, rate / 2, seconds))
        kept = count_kept(home)
    answered = flooded + constant.answered
    return TrackResult(
        hits_per_second=rate,
        p50_ms=p50,
        p99_ms=p99,
        nginx_per_second=nginx,
        share_of_nginx=rate / nginx if nginx else None,
        constant_rate=rate / 2,
        constant_p50_ms=constant.percentile(0.5),
        constant_p99_ms=constant.percentile(0.99),
        constant_late=constant.late,
        answered=answered,
        kept=kept,
        lost=max(0, answered - kept),
        notes=tuple(notes),
    )


def write_paths(home: Path) -> list[str]:
    """Write and return the paths to ask for: pixels of many messages."""
    ring = KeyRing.from_text(SECRET)
    paths = [f"/o/{ring.message_token(1, seq)}.gif" for seq in range(1, TOKENS + 1)]
    (home / "paths").write_text("\n".join(paths) + "\n")
    (home / "paths.lua").write_text(SCRIPT)
    return paths


def measure_nginx(home: Path, seconds: int) -> float | None:
    """Return the requests per second of one nginx process, or None where it or wrk is missing."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists() or not shutil.which("wrk"):
        return None
    port = free_port()
    (home / "nginx.conf").write_text(NGINX.format(folder=home, port=port))
    with running([program, "-p", str(home), "-c", str(home / "nginx.conf")], port):
        return flood(port, home, seconds)[0]


@contextmanager
def our_server(home: Path) -> Iterator[int]:
    """Run our server, as it is run for real, with a database that is away; yield its port."""
    port = free_port()
    code = "from campaigns.settings import get_settings; from web.server import serve; serve(get_settings(), True)"
    environment = {
        "TIDINGS_HOME": str(home / "home"),
        "TIDINGS_PORT": str(port),
        "TIDINGS_SECRET_KEY": SECRET,
        "TIDINGS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    }
    with running([sys.executable, "-c", code], port, environment):
        yield port


@contextmanager
def running(command: list[str], port: int, environment: dict[str, str] | None = None) -> Iterator[None]:
    """Run a program until the block ends, once it listens."""
    process = subprocess.Popen(
        command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: is_listening(port))
        yield
    finally:
        process.terminate()
        process.wait(20)


def flood(port: int, home: Path, seconds: int) -> tuple[float, float, float, int]:
    """Return requests per second, p50 and p99 in ms, and how many were answered, by wrk with one thread."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(home / "paths.lua")]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}"],
        env={**os.environ, "TIDINGS_BENCH_PATHS": str(home / "paths")},
        capture_output=True,
        text=True,
        check=True,
    )
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])  # type: ignore[index]
    answered = int(re.search(r"(\d+) requests in", done.stdout)[1])  # type: ignore[index]
    p50, p99 = (read_time(re.search(rf"{share}%\s+(\S+)", done.stdout)[1]) for share in (50, 99))  # type: ignore[index]
    return rate, p50, p99, answered


def read_time(text: str) -> float:
    """Read one of wrk's times in milliseconds."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


@dataclass
class Constant:
    """What came of sending at a constant rate."""

    times_ms: list[float]
    late: int
    answered: int

    def percentile(self, share: float) -> float:
        """Return the time below which ``share`` of the answers came."""
        ordered = sorted(self.times_ms)
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) if ordered else 0.0


class _Line(asyncio.Protocol):
    """One kept connection: pipelines requests and times each from when it was due."""

    def __init__(self, result: Constant) -> None:
        self._result = result
        self._due: list[float] = []
        self._left = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, request: bytes, due_at: float) -> None:
        assert self.transport is not None
        self._due.append(due_at)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        parts = (self._left + data).split(b"HTTP/1.1 200")
        now = time.perf_counter()
        for _ in parts[1:]:
            self._result.times_ms.append((now - self._due.pop(0)) * 1000)
            self._result.answered += 1
        self._left = parts[-1][-11:]  # a status line may be cut between two reads


async def send_constantly(port: int, paths: list[str], rate: float, seconds: int) -> Constant:
    """Send at ``rate`` a second over kept connections, whether or not answers come."""
    result = Constant([], 0, 0)
    loop = asyncio.get_running_loop()
    lines = [(await loop.create_connection(lambda: _Line(result), "127.0.0.1", port))[1] for _ in range(CONNECTIONS)]
    requests = [f"GET {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n\r\n".encode() for path in paths]
    began, total = time.perf_counter(), int(rate * seconds)
    number = 0
    while number < total:
        wanted = min(total, int((time.perf_counter() - began) * rate))
        while number < wanted:
            due_at = began + number / rate
            result.late += time.perf_counter() - due_at > 0.005
            lines[number % CONNECTIONS].send(requests[number % len(requests)], due_at)
            number += 1
        await asyncio.sleep(0.0005)
    deadline = time.perf_counter() + 5
    while result.answered < total and time.perf_counter() < deadline:
        await asyncio.sleep(0.01)
    for line in lines:
        if line.transport is not None:
            line.transport.close()
    return result


def count_kept(home: Path) -> int:
    """Count the records of the spool, each id once."""
    reader, ids = SpoolReader(home / "home" / "spool" / "hits"), set()
    for chunk in reader.chunks():
        ids |= {record["id"] for record in chunk.records}
        reader.done(chunk)
    return len(ids)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_true: Callable[[], bool], patience_seconds: float = 20) -> None:
    deadline = time.monotonic() + patience_seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError("The server that is to be measured did not start.")
        time.sleep(0.05)


def as_table(result: TrackResult) -> str:
    """Return the result as lines to read."""
    nginx = f"{result.nginx_per_second:,.0f}/s" if result.nginx_per_second else "not measured"
    share = f"{result.share_of_nginx:.2f} (budget {BUDGET_SHARE})" if result.share_of_nginx else "not measured"
    return "\n".join(
        [
            f"hits, kept before answered   {result.hits_per_second:,.0f}/s  "
            f"p50 {result.p50_ms} ms  p99 {result.p99_ms} ms",
            f"nginx empty_gif              {nginx}",
            f"our share                    {share}",
            f"at {result.constant_rate:,.0f}/s constant        p50 {result.constant_p50_ms} ms  "
            f"p99 {result.constant_p99_ms} ms (budget {BUDGET_P99_MS:g}); "
            f"our client was late {result.constant_late} times",
            f"answered {result.answered:,}, kept {result.kept:,}, lost {result.lost}",
            "; ".join(result.notes),
        ]
    )


def main(arguments: list[str]) -> None:
    result = measure()
    print(json.dumps(asdict(result)) if "--json" in arguments else as_table(result))


if __name__ == "__main__":
    main(sys.argv[1:])
