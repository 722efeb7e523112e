"""Pixel and redirect: the hot path, an RSGI handler. No Flask, no database, no Redis; a test holds it to that.

A request waits for its group: hits that arrive while the loop is busy are appended to the segment file together,
with one ``fdatasync``, and only then answered. A hit answered is a hit kept. When the disk takes no more, readers
still get their pixel and their page, and the loss is counted.
"""

import asyncio
import base64
import logging
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from campaigns.hits import SpoolWriter
from campaigns.signing import BadToken, KeyRing
from campaigns.tracking.client_address import TrustedProxies, find_client
from campaigns.tracking.record import PURPOSE_HEADERS, HitRecord, Request, record_click, record_open

if TYPE_CHECKING:
    from granian._granian import RSGIHTTPProtocol
    from granian.rsgi import Scope

log = logging.getLogger(__name__)

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
NO_STORE = "no-store, no-cache, must-revalidate, private, max-age=0"
PIXEL_HEADERS = [
    ("content-type", "image/gif"),
    ("cache-control", NO_STORE),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-resource-policy", "cross-origin"),
]
UNREADABLE = "(not ASCII)"
SEAL_LOOK_SECONDS = 5.0
COMPLAIN_SECONDS = 60.0


class HitKeeper:
    """Keeps hits in groups; ``lost`` counts those that the disk did not take."""

    def __init__(self, writer: SpoolWriter) -> None:
        self._writer = writer
        self._waiting: list[tuple[HitRecord, asyncio.Future[bool]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._complained_at = -COMPLAIN_SECONDS
        self.kept = 0
        self.lost = 0

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Work in ``loop`` from now on."""
        self._loop = loop
        loop.call_later(SEAL_LOOK_SECONDS, self._seal_if_old)

    def keep(self, record: HitRecord) -> "asyncio.Future[bool]":
        """Return what comes true when ``record`` is on the disk, and false when the disk did not take it."""
        loop = self._loop or asyncio.get_running_loop()
        kept: asyncio.Future[bool] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._append)
        self._waiting.append((record, kept))
        return kept

    def close(self) -> None:
        """Keep what still waits, and seal the segment."""
        if self._waiting:
            self._append()
        self._writer.seal()

    def _append(self) -> None:
        group, self._waiting = self._waiting, []
        try:
            self._writer.append([record.as_dict() for record, _ in group])
            is_kept = True
            self.kept += len(group)
        except OSError as error:
            is_kept = False
            self.lost += len(group)
            self._complain(error)
        for _, kept in group:
            if not kept.done():
                kept.set_result(is_kept)

    def _complain(self, error: OSError) -> None:
        if time.monotonic() - self._complained_at > COMPLAIN_SECONDS:
            self._complained_at = time.monotonic()
            log.error("Hits are being lost, %d so far: %s. Free disk space for the data folder.", self.lost, error)

    def _seal_if_old(self) -> None:
        try:
            self._writer.seal_if_old()
        except OSError as error:
            self._complain(error)
        if self._loop is not None:
            self._loop.call_later(SEAL_LOOK_SECONDS, self._seal_if_old)


class Tracking:
    """Answers ``/o/<token>.gif`` and ``/c/<token>``."""

    def __init__(self, key_ring: KeyRing, proxies: TrustedProxies, keeper: HitKeeper) -> None:
        self._key_ring = key_ring
        self._proxies = proxies
        self._keeper = keeper

    async def answer_open(self, scope: "Scope", protocol: "RSGIHTTPProtocol") -> None:
        """Send the pixel, to whoever asks; keep a hit where the token is ours."""
        if scope.method in ("GET", "HEAD"):
            try:
                token = scope.path[3:].removesuffix(".gif")
                await self._keeper.keep(record_open(self._key_ring, token=token, request=self._read(scope)))
            except BadToken:
                pass
        protocol.response_bytes(200, PIXEL_HEADERS, PIXEL)

    async def answer_click(self, scope: "Scope", protocol: "RSGIHTTPProtocol") -> bool:
        """Send the reader on and return True; return False, nothing sent, where the token is not ours."""
        if scope.method not in ("GET", "HEAD"):
            return False
        try:
            click = record_click(self._key_ring, token=scope.path[3:], request=self._read(scope))
        except BadToken:
            return False
        await self._keeper.keep(click.record)
        headers = [
            ("location", click.target),
            ("cache-control", NO_STORE),
            ("referrer-policy", "no-referrer"),
            ("content-length", "0"),
        ]
        protocol.response_empty(302, headers)
        return True

    def _read(self, scope: "Scope") -> Request:
        headers = scope.headers
        agent = headers.get("user-agent")
        if agent is None:
            agent = UNREADABLE if "user-agent" in headers else ""
        peer = scope.client.rpartition(":")[0]
        has_proxy = "x-forwarded-for" in headers
        forwarded = [value for name, value in headers.items() if name == "x-forwarded-for"] if has_proxy else []
        return Request(
            method=scope.method,
            address=find_client(self._proxies, peer=peer, forwarded=forwarded),
            user_agent=agent,
            purpose=",".join(value for name in PURPOSE_HEADERS if (value := headers.get(name))),
            mark=parse_qs(scope.query_string).get("i", [None])[0] if scope.query_string else None,
        )
