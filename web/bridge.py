"""The bridge from the server's RSGI to Flask: bodies are read whole before a thread is given away.

Threads are few, so no slow sender may hold one: a body is collected by the loop (to a file when it is large), with a
limit and a time for each piece. a2wsgi does the rest: environ, threads, answer.
"""

import asyncio
import logging
import time
from collections.abc import Collection
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast
from wsgiref.types import WSGIApplication

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi_typing import WSGIApp

from campaigns.tracking.client_address import TrustedProxies, find_client

if TYPE_CHECKING:
    from granian._granian import RSGIHTTPProtocol, RSGIHTTPStreamTransport
    from granian.rsgi import Scope

log = logging.getLogger(__name__)

IN_MEMORY_BYTES = 1_000_000
UPLOADS_AT_A_TIME = 4
PIECE_BYTES = 256_000
PIECE_SECONDS = 20.0
BODY_SECONDS = 30.0  # and a second more for each of the following:
LEAST_BYTES_PER_SECOND = 16_000
PLAIN = [("content-type", "text/plain; charset=utf-8")]


class BodyTooLarge(Exception):
    """The body is larger than the limit."""


class Bridge:
    """Answers requests by a WSGI application."""

    def __init__(
        self,
        application: WSGIApplication,
        *,
        threads: int,
        body_limit: int,
        proxies: TrustedProxies,
        upload_limit: int = 0,
        upload_paths: Collection[str] = (),
    ) -> None:
        self._middleware = WSGIMiddleware(cast(WSGIApp, application), workers=threads)
        self._body_limit = body_limit
        self._upload_limit = upload_limit
        self._upload_paths = upload_paths
        self._upload_places = asyncio.Semaphore(UPLOADS_AT_A_TIME)
        self._proxies = proxies

    async def answer(self, scope: "Scope", protocol: "RSGIHTTPProtocol") -> None:
        """Answer one request, whatever happens: 408 and 413 for bodies that are too slow or too large."""
        with SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
            try:
                await self._collect_within_limits(scope, protocol, body)
            except BodyTooLarge:
                return protocol.response_str(413, PLAIN, "The request is too large.\n")
            except TimeoutError:
                return protocol.response_str(408, PLAIN, "The request took too long.\n")
            await self._pass_on(scope, protocol, body)

    async def _collect_within_limits(self, scope: "Scope", protocol: "RSGIHTTPProtocol", body: IO[bytes]) -> None:
        """Only uploads by somebody who shows a key or a session may be large, and few at a time: what a stranger
        sends is thrown away before it fills the disk."""
        shows_key = "authorization" in scope.headers or "cookie" in scope.headers
        if scope.method != "POST" or scope.path not in self._upload_paths or not shows_key:
            return await self._collect(scope, protocol, body, self._body_limit)
        async with self._upload_places:
            await self._collect(scope, protocol, body, self._upload_limit)

    async def _collect(self, scope: "Scope", protocol: "RSGIHTTPProtocol", body: IO[bytes], limit: int) -> None:
        announced = scope.headers.get("content-length") or "0"
        if scope.method in ("GET", "HEAD") and announced == "0" and "transfer-encoding" not in scope.headers:
            return
        if announced.isdigit() and int(announced) > limit:
            raise BodyTooLarge
        began_at, pieces = time.monotonic(), aiter(protocol)
        while True:
            left = began_at + BODY_SECONDS + body.tell() / LEAST_BYTES_PER_SECOND - time.monotonic()
            try:
                async with asyncio.timeout(min(PIECE_SECONDS, left)):
                    body.write(await anext(pieces))
            except StopAsyncIteration:
                break
            if body.tell() > limit:
                raise BodyTooLarge

    async def _pass_on(self, scope: "Scope", protocol: "RSGIHTTPProtocol", body: IO[bytes]) -> None:
        length = body.tell()
        body.seek(0)

        async def receive() -> dict[str, Any]:
            piece = body.read(PIECE_BYTES)
            return {"type": "http.request", "body": piece, "more_body": body.tell() < length}

        answer = Answer(protocol)
        try:
            await self._middleware(self._describe(scope, length), receive, answer.send)  # type: ignore[arg-type]
        except Exception:
            log.exception("An answer to %s broke off", scope.method)
            answer.fail()

    def _describe(self, scope: "Scope", length: int) -> dict[str, Any]:
        """Return the ASGI scope of a request, with the client a declared proxy tells of."""
        peer, _, port = scope.client.rpartition(":")
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in scope.headers.items()]
        forwarded = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
        client = find_client(self._proxies, peer=peer, forwarded=forwarded) or peer
        host, _, server_port = scope.server.rpartition(":")
        kept = [pair for pair in headers if pair[0] not in (b"content-length", b"transfer-encoding", b"proxy")]
        return {
            "type": "http",
            "http_version": scope.http_version,
            "method": scope.method,
            "scheme": self._scheme(scope, peer),
            "path": scope.path,
            "query_string": scope.query_string.encode("ascii", "replace"),
            "headers": [*kept, (b"content-length", str(length).encode())],
            "client": (client, int(port or 0)),
            "server": (host, int(server_port or 0)),
        }

    def _scheme(self, scope: "Scope", peer: str) -> str:
        told = scope.headers.get("x-forwarded-proto")
        return told if told in ("http", "https") and self._proxies.declares(peer) else scope.scheme


class Answer:
    """Sends what the application answers: in one piece where it is one, else as a stream."""

    def __init__(self, protocol: "RSGIHTTPProtocol") -> None:
        self._protocol = protocol
        self._status = 500
        self._headers: list[tuple[str, str]] = []
        self._held: list[bytes] = []
        self._stream: RSGIHTTPStreamTransport | None = None
        self._is_over = False

    async def send(self, message: dict[str, Any]) -> None:
        """Take one ASGI message."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]]
            return
        self._held.append(message.get("body", b""))
        if message.get("more_body"):
            if len(self._held) > 1:
                await self._send_held()
        elif self._stream is not None:
            await self._send_held()
            self._is_over = True
        else:
            self._is_over = True
            self._protocol.response_bytes(self._status, self._headers, b"".join(self._held))

    async def _send_held(self) -> None:
        if self._stream is None:
            self._stream = self._protocol.response_stream(self._status, self._headers)
        data, self._held = b"".join(self._held), []
        if data:
            await self._stream.send_bytes(data)

    def fail(self) -> None:
        """Say that the answer broke off, where nothing was sent yet."""
        if self._stream is None and not self._is_over:
            self._protocol.response_str(500, PLAIN, "Something went wrong here.\n")
