"""For monitors: ``/healthz`` says that the process answers, ``/metrics`` what it counted."""

import ipaddress
import time
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, request

blueprint = Blueprint("health", __name__)

STARTED_AT = time.time()
PROXY_HEADERS = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "Via", "X-Real-IP")


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer as long as this process works; hits and links need no database, so it asks for none."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/metrics")
def metrics() -> Response:
    """Return counts as Prometheus reads them; to this machine only, and not through a proxy on it."""
    if not _is_from_here():
        abort(404)
    keeper = current_app.config["TIDINGS_KEEPER"]
    kept, lost = (keeper.kept, keeper.lost) if keeper else (0, 0)
    lines = [
        *_metric("process_start_time_seconds", "gauge", "When this process started.", f"{STARTED_AT:.3f}"),
        *_metric("process_resident_memory_bytes", "gauge", "Memory in use.", str(_resident_bytes())),
        *_metric("process_cpu_seconds_total", "counter", "CPU time used.", f"{time.process_time():.3f}"),
        *_metric("tidings_hits_kept_total", "counter", "Hits kept on disk.", str(kept)),
        *_metric("tidings_hits_lost_total", "counter", "Hits the disk did not take.", str(lost)),
    ]
    return Response("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")


def _is_from_here() -> bool:
    try:
        is_loopback = ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
    return is_loopback and _names_this_machine() and not any(name in request.headers for name in PROXY_HEADERS)


def _names_this_machine() -> bool:
    """A proxy that tells nothing still passes on the public host, and so does a page that plays with its DNS."""
    try:
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _metric(name: str, kind: str, text: str, value: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"]


def _resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
