"""A compiled content prepared for one campaign in one process; filling it then costs joins and one HMAC a reader."""

from base64 import b32encode
from collections.abc import Callable
from datetime import datetime

from campaigns.rendering.content import CompiledContent, FilledMessage, Link, MailContext, Recipient, direction_of
from campaigns.rendering.evaluate import PersonalLinks, Scope
from campaigns.rendering.headers import (
    address_header,
    ascii_domain,
    ascii_host,
    header,
    list_id,
    text_header,
    write_date,
)
from campaigns.rendering.parts import Parts, Value
from campaigns.rendering.program import TextBuilder, TooMuchOutput
from campaigns.rendering.specialise import personal_link, pixel_image, plain_link, specialise, tracked_link
from campaigns.rendering.wire import WirePart, between, closing, literal_text, multipart_headers, opening
from campaigns.signing import KeyRing, to_base64

MAX_MESSAGE_BYTES = 1_500_000  # 1 MB of output, encoded
MAX_LOCAL_PART = 64


def prepare(compiled: CompiledContent, context: MailContext, key_ring: KeyRing) -> "PreparedContent":
    """Return the content ready to be filled: once a revision and process.

    Links that are the same for everybody are signed here, and what only the campaign decides is written here.
    """
    return PreparedContent(compiled, context, key_ring)


class PreparedContent:
    """One content of one campaign. :meth:`fill` may be called from one thread at a time."""

    def __init__(self, compiled: CompiledContent, context: MailContext, key_ring: KeyRing) -> None:
        self.compiled = compiled
        self.context = context
        self.key_ring = key_ring
        self._right_to_left = direction_of(compiled.language) == "rtl"
        self._signers: dict[Value, Callable[[Scope], str]] = {}
        self._subject = TextBuilder(compiled.language).build(self._specialised(compiled.subject))
        self._text = WirePart("plain", self._specialised(compiled.text), compiled.language)
        self._html = self._build_html() if compiled.html is not None else None
        self._prepare_frame()
        self._prepare_headers()

    def fill(self, recipient: Recipient, *, seq: int, unsubscribe_token: str | None, now: datetime) -> FilledMessage:
        """Return the mail of one reader.

        ``seq`` is the message's place in the campaign; ``now`` the time of sending. Without an
        ``unsubscribe_token`` the mail has no List-Unsubscribe and dead links (a test send may want that). Raises
        :class:`MissingValue` when a merge tag without a fallback has no value, :class:`UnusableAddress`, and
        :class:`TooMuchOutput`.
        """
        raw_token = self.key_ring.message_bytes(self.context.campaign_id, seq)
        token, return_token = to_base64(raw_token), b32encode(raw_token).decode("ascii").lower()
        scope = Scope(recipient, self.context, self._personal_links(token, unsubscribe_token), token=token)
        scope.subject = subject = self._subject.write(scope)
        message_id = f"<t.{return_token}@{self._domain}>"
        pieces = [
            self._from,
            address_header("To", recipient.full_name, recipient.email),
            text_header("Subject", subject),
            f"Date: {write_date(now)}\r\nMessage-ID: {message_id}\r\n".encode("ascii"),
            self._unsubscribe_headers(scope.links, unsubscribe_token),
            self._head,
            *self._text.run(scope),
        ]
        if self._html is not None:
            pieces.append(self._between)
            pieces += self._html.run(scope)
            pieces.append(self._tail)
        raw = b"".join(pieces)
        if len(raw) > MAX_MESSAGE_BYTES:
            raise TooMuchOutput("The template writes more than 1 MB for one reader. Shorten it.")
        envelope_to = ascii_domain(recipient.email)
        return FilledMessage(
            raw, self._envelope_from(return_token), envelope_to, message_id, subject, not envelope_to.isascii()
        )

    def _personal_links(self, token: str, unsubscribe_token: str | None) -> PersonalLinks:
        url = self.context.public_url
        view = f"{url}/v/{token}"
        if unsubscribe_token is None:
            return PersonalLinks("#", "#", view)
        return PersonalLinks(f"{url}/u/{unsubscribe_token}", f"{url}/p/{unsubscribe_token}", view)

    def _unsubscribe_headers(self, links: PersonalLinks, unsubscribe_token: str | None) -> bytes:
        """One-click unsubscribing (RFC 2369, 8058)."""
        if unsubscribe_token is None:
            return b""
        return header("List-Unsubscribe", f"<{links.unsubscribe}>") + (
            b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        )

    def _envelope_from(self, return_token: str) -> str:
        """Return the envelope sender with the message's token in it, at most 64 octets before the @ (rule S1)."""
        local = f"{self._from_local}+b-{return_token}"
        if len(local) > MAX_LOCAL_PART or not self._from_local.isascii() or self._from_local.startswith('"'):
            local = f"b-{return_token}"
        return f"{local}@{self._domain}"

    def _prepare_headers(self) -> None:
        context = self.context
        local, _, domain = context.from_email.rpartition("@")
        self._from_local, self._domain = local, ascii_host(domain)
        self._from = address_header("From", context.from_name, context.from_email)
        fixed = [list_id(context.list_name, context.list_header_id, context.from_email)]
        if context.reply_to:
            fixed.append(address_header("Reply-To", "", context.reply_to))
        fixed.append(header("Feedback-ID", f"c{context.campaign_id}:l{context.list_id}:campaign:{self._domain}"))
        self._head = b"".join(fixed) + self._mime_head

    def _prepare_frame(self) -> None:
        if self._html is None:
            self._mime_head, self._between, self._tail = b"MIME-Version: 1.0\r\n" + self._text.headers, b"", b""
        else:
            self._mime_head = multipart_headers() + opening(self._text)
            self._between, self._tail = between(self._html), closing()

    def _build_html(self) -> WirePart:
        assert self.compiled.html is not None
        parts = self._specialised(self.compiled.html)
        return WirePart("html", parts, self.compiled.language, self._signers)

    def _specialised(self, parts: Parts) -> Parts:
        return specialise(
            parts,
            language=self.compiled.language,
            right_to_left=self._right_to_left,
            context=self.context,
            write_link=self._write_link,
            pixel=pixel_image(self.context) if self.context.tracking else (),
        )

    def _write_link(self, index: int) -> Parts:
        link = self.compiled.links[index]
        if not self.context.tracking:
            return self._specialised(plain_link(link))
        if not link.personal:
            url = literal_text(self._specialised(link.target))  # nothing but literals is left of it
            return tracked_link(self.context, self._sign(link, url))
        parts = personal_link(index, self.context)
        hole = parts[-1]
        assert isinstance(hole, Value)
        write = TextBuilder(self.compiled.language).build(self._specialised(link.target)).write
        self._signers[hole] = lambda scope: self._sign(link, write(scope))
        return parts

    def _sign(self, link: Link, url: str) -> str:
        return self.key_ring.link_piece(self.context.campaign_id, link.number, url)
