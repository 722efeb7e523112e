"""An SMTP server for tests: records every mail it accepted, answers by script, one thread a connection.

Run as a process (``python -m tests.smtp_sink FOLDER``) it outlives the kills it is there to witness: each accepted
recipient is a line in ``FOLDER/accepted`` before the 250 goes out.
"""

import argparse
import contextlib
import re
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Script = Callable[[str, str], str | None]
"""(verb, address or empty) → the answer, None for the usual one, or ``close``, ``stall`` and ``garbage``."""


@dataclass
class Received:
    """One accepted mail."""

    mail_from: str
    to: str
    raw: bytes


@dataclass
class SmtpSink:
    """Listens on a free port of 127.0.0.1 between ``start`` and ``stop``."""

    script: Script = lambda verb, address: None
    delay_seconds: float = 0.0
    offers: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SIZE 10000000")
    port: int = 0
    journal: Path | None = None
    mails: list[Received] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    connections: int = 0

    def start(self) -> "SmtpSink":
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                sink.connections += 1
                with contextlib.suppress(OSError):
                    Dialogue(sink, self.connection).run()

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 64

        self._lock = threading.Lock()
        self._file = self.journal.open("ab", buffering=0) if self.journal else None
        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def keep(self, mail: Received) -> None:
        with self._lock:
            if self._file is not None:
                self._file.write(mail.to.encode() + b"\n")
            else:
                self.mails.append(mail)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def recipients(self) -> Counter[str]:
        return Counter(mail.to for mail in self.mails)


class Dialogue:
    """One connection."""

    def __init__(self, sink: SmtpSink, connection: socket.socket) -> None:
        self.sink = sink
        self.connection = connection
        self.file = connection.makefile("rb")
        self.mail_from: str | None = None
        self.recipients: list[str] = []

    def run(self) -> None:
        if not self.answer("connect", "", "220 sink ESMTP"):
            return
        while line := self.file.readline():
            verb = line[:4].decode("ascii", "replace").upper().strip()
            self.sink.verbs.append(verb)
            address = re.search(rb"<(.*)>", line)
            if not self.command(verb, address[1].decode("utf-8", "replace") if address else ""):
                return

    def command(self, verb: str, address: str) -> bool:
        match verb:
            case "EHLO":
                lines = ["sink", *self.sink.offers]
                text = "\r\n".join(f"250{'-' if i < len(lines) - 1 else ' '}{line}" for i, line in enumerate(lines))
                return self.answer("ehlo", "", text)
            case "MAIL":
                ok = self.answer("mail", address, "250 2.1.0 ok")
                self.mail_from = address if self.accepted else None
                self.recipients = []
                return ok
            case "RCPT":
                if self.mail_from is None:
                    return self.say("503 5.5.1 MAIL first")
                ok = self.answer("rcpt", address, "250 2.1.5 ok")
                self.recipients += [address] if self.accepted else []
                return ok
            case "DATA":
                return self.data()
            case "RSET":
                self.mail_from, self.recipients = None, []
                return self.say("250 2.0.0 ok")
            case "QUIT":
                self.say("221 2.0.0 bye")
                return False
        return self.say("502 5.5.2 what?")

    def data(self) -> bool:
        if not self.recipients:
            return self.say("554 5.5.1 no valid recipients")
        if not self.answer("data", self.recipients[0], "354 go on"):
            return False
        if not self.accepted:
            return True
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        if self.sink.delay_seconds:
            time.sleep(self.sink.delay_seconds)
        answer = self.sink.script("end", self.recipients[0])
        if answer is None or answer == "close-after-keeping":
            self.sink.keep(Received(self.mail_from or "", self.recipients[0], b"".join(lines)))
        self.mail_from, self.recipients = None, []
        if answer == "close-after-keeping":
            return False
        return self.reply(answer, "250 2.0.0 kept")

    def answer(self, verb: str, address: str, usual: str) -> bool:
        return self.reply(self.sink.script(verb, address), usual)

    def reply(self, scripted: str | None, usual: str) -> bool:
        if scripted == "close":
            return False
        if scripted == "stall":
            time.sleep(3600)
        text = "hello there, this is not SMTP" if scripted == "garbage" else scripted or usual
        self.accepted = text[:1] in "23"
        return self.say(text) and not text.startswith("421")

    def say(self, text: str) -> bool:
        self.connection.sendall(text.encode() + b"\r\n")
        return True


def main() -> None:
    """Serve until killed; the port is in ``FOLDER/port`` once it listens."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--delay", type=float, default=0.0)
    arguments = parser.parse_args()
    sink = SmtpSink(delay_seconds=arguments.delay, journal=arguments.folder / "accepted").start()
    draft = arguments.folder / "port.draft"
    draft.write_text(str(sink.port))
    draft.rename(arguments.folder / "port")
    threading.Event().wait()


if __name__ == "__main__":
    main()
