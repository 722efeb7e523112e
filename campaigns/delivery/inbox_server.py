"""The SMTP server of the local inbox: a mail is answered 250 after it is kept, and not before."""

import asyncio
import logging
import re
import signal
import sqlite3
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from campaigns import clock
from campaigns.delivery.inbox import ReceivedMail, inbox_path, open_inbox, store_mails
from campaigns.settings import Settings

log = logging.getLogger(__name__)

LARGEST_MAIL = 50_000_000
LONGEST_LINE = 998
LARGEST_GROUP = 200
LONGEST_WAIT = 1000


def read_header(raw: bytes, name: bytes) -> str:
    """Return a header of a raw mail, unfolded and as it was sent; empty when it has none."""
    head = raw.partition(b"\r\n\r\n")[0]
    found = re.search(rb"^" + name + rb":((?:[^\r\n]|\r\n[ \t])*)", head, re.IGNORECASE | re.MULTILINE)
    return re.sub(r"\r\n(?=[ \t])", "", found[1].decode("utf-8", "replace")).strip() if found else ""


def decode_words(text: str) -> str:
    """Return a header's text with its encoded-words (RFC 2047) decoded; what is malformed stays as it is."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def read_mail(envelope: Envelope) -> ReceivedMail:
    """Return what the inbox keeps of a mail that came over SMTP."""
    raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content or "").encode()
    return ReceivedMail(
        received_at=clock.now(),
        mail_from=envelope.mail_from or "",
        rcpt_to=tuple(envelope.rcpt_tos),
        subject=decode_words(read_header(raw, b"Subject")),
        message_id=read_header(raw, b"Message-ID"),
        raw=raw,
    )


class MailServer(SMTP):
    """aiosmtpd, but a mail is read in the pieces in which it comes: line by line costs a millisecond each."""

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        if await self.check_helo_needed():
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT first")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        raw = await self._read_until_dot()
        if raw is None:
            status = "552 5.3.4 Mail too large"
        elif max(map(len, raw.split(b"\r\n"))) > LONGEST_LINE:
            status = "500 5.6.0 Line too long (RFC 5321 4.5.3.1.6)"
        else:
            self.envelope.content = raw
            status = await self.event_handler.handle_DATA(self, self.session, self.envelope)
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push(status)

    async def _read_until_dot(self) -> bytes | None:
        """Return the mail without its dots (RFC 5321 4.5.2), or None when it is too large; leave what follows it."""
        kept, searched, too_large = bytearray(b"\r\n"), 0, False
        while (end := kept.find(b"\r\n.\r\n", searched)) < 0:
            if len(kept) > LARGEST_MAIL:
                too_large = True
                del kept[:-4]
            searched = max(len(kept) - 4, 0)
            # All that has come: nothing is left in the reader, so that the rest can be given back below.
            piece = await self._reader.read(LARGEST_MAIL)
            if not piece:
                raise ConnectionResetError("The client left in the middle of a mail.")
            kept += piece
        rest = bytes(kept[end + 5 :])
        if rest:
            self._reader.feed_data(rest)
        return None if too_large else bytes(kept[: end + 2]).replace(b"\r\n.", b"\r\n")[2:]


class Keeper:
    """Keeps mails in groups: all that came while the last group was written are one commit."""

    def __init__(self, connection: sqlite3.Connection, limit: int) -> None:
        self.connection = connection
        self.limit = limit
        self.waiting: asyncio.Queue[tuple[ReceivedMail, asyncio.Future[None]]] = asyncio.Queue(LONGEST_WAIT)

    async def keep(self, mail: ReceivedMail) -> None:
        """Return when the mail is committed; raises what the disk said."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self.waiting.put((mail, kept))
        await kept

    async def run(self) -> None:
        while True:
            group = [await self.waiting.get()]
            while len(group) < LARGEST_GROUP and not self.waiting.empty():
                group.append(self.waiting.get_nowait())
            await self._write(group)

    async def _write(self, group: list[tuple[ReceivedMail, asyncio.Future[None]]]) -> None:
        error: Exception | None = None
        try:
            mails = [mail for mail, _ in group]
            await asyncio.to_thread(store_mails, self.connection, mails=mails, limit=self.limit)
        except sqlite3.Error as caught:
            log.error("The local inbox could not keep %d mails: %s", len(group), caught)
            error = caught
        for _, kept in group:
            if kept.done():
                continue
            if error is None:
                kept.set_result(None)
            else:
                kept.set_exception(error)


class Handler:
    """What aiosmtpd calls."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer PIPELINING (RFC 2920): commands are read from a stream, one after the other, anyway."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        try:
            await self.keeper.keep(read_mail(envelope))
        except sqlite3.Error:
            return "452 4.3.1 The local inbox cannot keep mails now"
        return "250 2.0.0 Kept in the local inbox"


async def serve(settings: Settings, *, stop: asyncio.Event) -> None:
    """Take mails on 127.0.0.1 until ``stop`` is set."""
    # aiosmtpd would log every command, and with it every address.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    connection = open_inbox(inbox_path(settings))
    keeper = Keeper(connection, settings.inbox_limit)
    loop = asyncio.get_running_loop()
    writer = asyncio.create_task(keeper.run())

    def make_protocol() -> Any:
        return MailServer(
            Handler(keeper),
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            hostname="inbox.localhost",
            ident="Tidings local inbox",
            loop=loop,
        )

    server = await loop.create_server(make_protocol, "127.0.0.1", settings.inbox_port)
    log.info("The local inbox takes mails on 127.0.0.1:%d.", settings.inbox_port)
    await stop.wait()
    server.close()
    writer.cancel()
    connection.close()


def run(settings: Settings) -> None:
    """Serve the local inbox until SIGTERM or SIGINT."""

    async def serve_until_told() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(settings, stop=stop)

    uvloop.run(serve_until_told())
