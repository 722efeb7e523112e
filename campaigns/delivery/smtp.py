"""The SMTP transport: MAIL, RCPT and DATA in one write, each reply accounted for (RFC 2920)."""

import random
import re
import socket
from collections.abc import Iterator, Sequence
from functools import cache

import idna

from campaigns.delivery.smtp_address import SmtpAddress, read_smtp_urls
from campaigns.delivery.smtp_connection import END_OF_DATA_SECONDS, REPLY_SECONDS, Broken, Reply, SmtpConnection
from campaigns.delivery.transport import ConnectionLost, Hurry, Mail, Refused, Result, Sent, never_hurry
from campaigns.settings import Settings

WRITABLE_ADDRESS = re.compile(r"[^\s<>\x00-\x1f\x7f]+@[^\s<>@\x00-\x1f\x7f]+")


def open_transport(settings: Settings, *, hurry: Hurry = never_hurry) -> "SmtpTransport":
    """Return the transport of the settings: the configured servers, or the local inbox. Connects when first used."""
    return SmtpTransport(read_smtp_urls(settings.effective_smtp_url), hurry=hurry)


def stuff_dots(raw: bytes) -> bytes:
    """Return the body as it goes over the wire: leading dots doubled, ended by a lone dot (RFC 5321, 4.5.2)."""
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n")


def wire_address(address: str) -> str:
    """Return an address with its domain as A-labels (IDNA 2008, rule M7)."""
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return local + at + idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return address


class SmtpTransport:
    """Keeps one connection and delivers over it; of several servers it takes any, and another when one is away."""

    def __init__(self, addresses: Sequence[SmtpAddress], *, hurry: Hurry = never_hurry) -> None:
        self._addresses = list(addresses)
        random.shuffle(self._addresses)
        self._hurry = hurry
        self._connection: SmtpConnection | None = None
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why the last delivery ended early; empty when it did not."""
        return self._trouble

    def close(self) -> None:
        """Say goodbye and close the connection; harmless when there is none."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def deliver(self, mails: Sequence[Mail]) -> Iterator[Result]:
        """Yield one result a mail, in order; see :class:`campaigns.delivery.transport.Transport`.

        A connection that breaks before a mail's final dot is opened again once, since that mail was certainly
        not taken; one that breaks after it leaves that mail in doubt, and the next one gets a new connection.
        """
        self._trouble = ""
        position, breaks_in_a_row = 0, 0
        while position < len(mails):
            if not self._connect():
                return
            exchange = Exchange(self._connection, mails[position:])  # type: ignore[arg-type]
            for result in exchange.run():
                position, breaks_in_a_row = position + 1, 0
                yield result
            if exchange.broken:
                self.close()
                self._trouble = exchange.broken
                breaks_in_a_row += 1
                if breaks_in_a_row > 1:
                    return
            elif exchange.is_worn:
                self.close()
        self._trouble = ""

    def _connect(self) -> bool:
        """Return whether there is a connection to use, an old one or a new one."""
        if self._connection is not None and not self._connection.is_stale():
            return True
        self.close()
        for address in self._addresses:
            try:
                self._connection = SmtpConnection(address, own_name=own_name(), hurry=self._hurry)
            except Broken as error:
                self._trouble = str(error)
                continue
            return True
        self._addresses = self._addresses[1:] + self._addresses[:1]
        return False


@cache
def own_name() -> str:
    """Return the name we say in EHLO, asked for once: the answer may come from a slow name server."""
    name = socket.getfqdn()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


class Exchange:
    """One run of mails over one connection.

    While a mail's body goes out, the envelope of the next one goes in the same write: one round trip a mail. A
    server that does not offer PIPELINING gets one command at a time. ``broken`` says why the run ended early.
    """

    def __init__(self, connection: SmtpConnection, mails: Sequence[Mail]) -> None:
        self.connection = connection
        self.host = connection.host
        self.mails = mails
        self.broken = ""
        self.pipelines = "PIPELINING" in connection.offers
        self.announced = False
        self.needs_reset = False

    @property
    def is_worn(self) -> bool:
        """The connection has carried as many mails as it may."""
        return self.connection.mails >= self.connection.address.mails_per_connection

    def run(self) -> Iterator[Result]:
        for index, mail in enumerate(self.mails):
            if self.is_worn:
                return
            refusal = self._refuse_ourselves(mail)
            if refusal is not None:
                yield refusal
                continue
            following = self.mails[index + 1] if index + 1 < len(self.mails) else None
            result = self._hand_over(mail, following)
            if result is not None:
                yield result
            if self.broken:
                return

    def _refuse_ourselves(self, mail: Mail) -> Refused | None:
        """What can be known before a word is said (rules M7, S2)."""
        offers = self.connection.offers
        limit = offers.get("SIZE", "")
        if not WRITABLE_ADDRESS.fullmatch(mail.to):
            return Refused(True, 553, "5.1.3 This address cannot be written in SMTP", "address", self.host)
        if not mail.to.rpartition("@")[0].isascii() and "SMTPUTF8" not in offers:
            return Refused(True, 553, "5.6.7 The server does not offer SMTPUTF8", "smtputf8", self.host)
        if limit.isdigit() and 0 < int(limit) < len(mail.raw):
            return Refused(True, 552, f"5.3.4 The server takes at most {limit} bytes", "size", self.host)
        return None

    def _envelope(self, mail: Mail) -> list[bytes]:
        offers, options = self.connection.offers, ""
        to = wire_address(mail.to)
        if "SIZE" in offers:
            options += f" SIZE={len(mail.raw)}"
        if "8BITMIME" in offers and not mail.raw.isascii():
            options += " BODY=8BITMIME"
        if not to.isascii() and "SMTPUTF8" in offers:
            options += " SMTPUTF8"
        mail_from = f"MAIL FROM:<{wire_address(mail.envelope_from)}>{options}\r\n"
        return [mail_from.encode(), f"RCPT TO:<{to}>\r\n".encode(), b"DATA\r\n"]

    def _hand_over(self, mail: Mail, following: Mail | None) -> Result | None:
        """Return the mail's result; None when the connection broke before its final dot."""
        try:
            self._reset()
            refusal = self._offer(mail)
            if refusal is not None:
                return refusal
        except Broken as error:
            self.broken = str(error)
            return None
        self.connection.mails += 1
        try:
            reply = self._send_body(mail, following)
        except Broken as error:
            self.broken = str(error)
            return ConnectionLost(True, str(error), self.host)
        if reply.is_good:
            return Sent(str(reply), self.host)
        return self._refusal(reply, "end")

    def _reset(self) -> None:
        if self.needs_reset:
            self.connection.command("RSET")
            self.needs_reset = False

    def _offer(self, mail: Mail) -> Refused | None:
        """Say MAIL, RCPT and DATA; return None when the server now waits for the body."""
        announced, self.announced = self.announced, False
        if self.pipelines:
            if not announced:
                self.connection.write(b"".join(self._envelope(mail)))
            replies = [self.connection.read_reply(REPLY_SECONDS) for _ in range(3)]
        else:
            replies = []
            for line in self._envelope(mail):
                self.connection.write(line)
                replies.append(self.connection.read_reply(REPLY_SECONDS))
                if not replies[-1].is_good:
                    break
        for reply in replies:
            if reply.code == 421:
                raise Broken(f"{self.host}: {reply}")  # the server speaks of itself, not of this mail (rule S4)
        for reply, stage in zip(replies, ("mail", "rcpt", "data"), strict=False):
            if not reply.is_good or (stage == "data" and reply.code != 354):
                self._abandon(replies, stage)
                return self._refusal(reply, stage)
        return None

    def _abandon(self, replies: list[Reply], stage: str) -> None:
        """End a refused transaction. A DATA that was accepted all the same gets an empty body (RFC 2920, 3.1)."""
        if stage != "data" and len(replies) == 3 and replies[2].code == 354:
            self.connection.write(b".\r\n")
            self.connection.read_reply(END_OF_DATA_SECONDS)
        self.needs_reset = True

    def _send_body(self, mail: Mail, following: Mail | None) -> Reply:
        data = stuff_dots(mail.raw)
        if self.pipelines and following is not None and not self.is_worn and not self._refuse_ourselves(following):
            data += b"".join(self._envelope(following))
            self.announced = True
        self.connection.write(data)
        return self.connection.read_reply(END_OF_DATA_SECONDS)

    def _refusal(self, reply: Reply, stage: str) -> Refused:
        if reply.code == 421:
            self.broken = f"{self.host}: {reply}"
        return Refused(reply.code >= 500, reply.code, reply.text.replace("\n", " ")[:1000], stage, self.host)
