"""One SMTP connection on a raw socket: greeting, EHLO, TLS, AUTH, replies (RFC 5321, 3207, 4954).

smtplib costs ten times the processor time and cannot pipeline; nothing here knows what a campaign is.
"""

import base64
import select
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from campaigns.delivery.smtp_address import SmtpAddress, StartTls

CONNECT_SECONDS = 30.0
REPLY_SECONDS = 300.0
END_OF_DATA_SECONDS = 600.0
HURRIED_SECONDS = 6.0
LOOK_UP_SECONDS = 0.5
LONGEST_LINE = 4096
LONGEST_REPLY = 65_536


class Broken(Exception):
    """The connection is of no use any more: closed, silent, or talking nonsense. Says what was seen last."""


class NotLetIn(Broken):
    """The server answered, but will not take mail from us now (greeting, EHLO, TLS or AUTH refused)."""


@dataclass(frozen=True)
class Reply:
    """One reply: its code and its text, lines joined by a space."""

    code: int
    text: str

    @property
    def is_good(self) -> bool:
        return 200 <= self.code < 400

    def __str__(self) -> str:
        return f"{self.code} {self.text}"[:1000]


class SmtpConnection:
    """An open, greeted connection. ``offers`` maps the keywords of EHLO to their parameters."""

    def __init__(self, address: SmtpAddress, *, own_name: str, hurry: Callable[[], bool]) -> None:
        self.address = address
        self.host = f"{address.host}:{address.port}"
        self.offers: dict[str, str] = {}
        self.mails = 0
        self._own_name = own_name
        self._hurry = hurry
        self._buffer = bytearray()
        try:
            self._socket = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        except OSError as error:
            raise Broken(f"no connection to {self.host}: {error}") from error
        try:
            self._open()
        except (Broken, OSError) as error:
            self._socket.close()
            raise error if isinstance(error, Broken) else Broken(f"{self.host}: {error}") from error

    def _open(self) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.address.implicit_tls:
            self._wrap()
        self._socket.setblocking(False)
        greeting = self.read_reply(REPLY_SECONDS)
        if greeting.code != 220:
            raise NotLetIn(f"{self.host} greeted with {greeting}")
        self._say_hello()
        self._start_tls()
        if self.address.user is not None:
            self._authenticate(self.address.user, self.address.password or "")

    def _say_hello(self) -> None:
        reply = self.command(f"EHLO {self._own_name}")
        if not reply.is_good:
            reply = self.command(f"HELO {self._own_name}")
            if not reply.is_good:
                raise NotLetIn(f"{self.host} refused HELO with {reply}")
            self.offers = {}
            return
        words = [line.partition(" ") for line in reply.text.split("\n")[1:]]
        self.offers = {name.upper(): value.strip() for name, _, value in words}

    def _start_tls(self) -> None:
        mode = self.address.starttls
        if self.address.implicit_tls or mode is StartTls.no:
            return
        if "STARTTLS" not in self.offers:
            if mode is StartTls.required:
                raise NotLetIn(f"{self.host} does not offer STARTTLS, which is required")
            return
        reply = self.command("STARTTLS")
        if reply.code != 220:
            raise NotLetIn(f"{self.host} refused STARTTLS with {reply}")
        if self._buffer:
            raise NotLetIn(f"{self.host} sent text after its answer to STARTTLS: somebody may be in between")
        self._wrap()
        self._socket.setblocking(False)
        self._say_hello()

    def _wrap(self) -> None:
        context = ssl.create_default_context()
        if not self.address.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._socket.settimeout(CONNECT_SECONDS)
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=self.address.host)
        except (ssl.SSLError, OSError) as error:
            raise NotLetIn(f"no TLS with {self.host}: {error}") from error

    def _authenticate(self, user: str, password: str) -> None:
        methods = self.offers.get("AUTH", "").upper().split()
        if "PLAIN" in methods:
            token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            reply = self.command(f"AUTH PLAIN {token}")
        elif "LOGIN" in methods:
            reply = self.command("AUTH LOGIN")
            for word in (user, password):
                if reply.code == 334:
                    reply = self.command(base64.b64encode(word.encode()).decode())
        else:
            raise NotLetIn(f"{self.host} offers neither AUTH PLAIN nor AUTH LOGIN")
        if reply.code != 235:
            raise NotLetIn(f"{self.host} refused the user name or password with {reply}")

    def command(self, line: str) -> Reply:
        """Send one command and return its reply."""
        self.write(line.encode() + b"\r\n")
        return self.read_reply(REPLY_SECONDS)

    def write(self, data: bytes) -> None:
        """Send bytes. Raises :class:`Broken`."""
        view, deadline = memoryview(data), time.monotonic() + REPLY_SECONDS
        while view:
            try:
                view = view[self._socket.send(view) :]
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                self._wait(deadline, for_writing=True)
            except OSError as error:
                self._break(str(error))

    def read_reply(self, timeout_seconds: float) -> Reply:
        """Return the next reply, its lines joined by line feeds. Raises :class:`Broken`."""
        deadline = time.monotonic() + timeout_seconds
        lines: list[str] = []
        while True:
            line = self._read_line(deadline)
            if len(line) < 3 or not line[:3].isdigit() or line[3:4] not in (b"", b" ", b"-"):
                self._break(f"not an SMTP reply: {line[:80]!r}")
            lines.append(line[4:].decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return Reply(int(line[:3]), "\n".join(lines))
            if len(lines) > LONGEST_REPLY // 64:
                self._break("an endless reply")

    def _read_line(self, deadline: float) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > LONGEST_LINE:
                self._break("a line without end")
            self._fill(deadline)
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line

    def _fill(self, deadline: float) -> None:
        while True:
            try:
                data = self._socket.recv(LONGEST_REPLY)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._wait(deadline, for_writing=False)
                continue
            except OSError as error:
                self._break(str(error))
            if not data:
                self._break("the server closed the connection")
            self._buffer += data
            return

    def _wait(self, deadline: float, *, for_writing: bool) -> None:
        """Wait for the socket; look up now and then, because whoever must stop soon waits a few seconds only."""
        hurried_since: float | None = None
        while True:
            now = time.monotonic()
            if self._hurry():
                hurried_since = hurried_since or now
                deadline = min(deadline, hurried_since + HURRIED_SECONDS)
            if now > deadline:
                self._break("no answer in time")
            reads, writes = ([], [self._socket]) if for_writing else ([self._socket], [])
            if any(select.select(reads, writes, [], LOOK_UP_SECONDS)):
                return

    def _break(self, why: str) -> NoReturn:
        self._socket.close()
        raise Broken(f"{self.host}: {why}")

    def is_stale(self) -> bool:
        """Say whether the server has closed the connection, or spoken unasked, while it lay idle."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        """Say QUIT without waiting for the answer."""
        try:
            self._socket.send(b"QUIT\r\n")
        except OSError:
            pass
        finally:
            self._socket.close()
