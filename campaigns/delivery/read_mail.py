"""A received mail taken apart for showing: headers in order, the HTML and the text part, links that count.

Nothing is trusted: a mail that cannot be read shows what can, and the raw source is always there.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser

from campaigns.signing import KeyRing

HIT_PATHS = r"/(?:c/([\w-]+\.[\w-]+)|o/([\w-]+)\.gif)(?![\w?-])"


@dataclass(frozen=True)
class Header:
    """One header: ``value`` decoded and unfolded."""

    name: str
    value: str


@dataclass(frozen=True)
class ReadMail:
    """A mail for showing; ``html`` or ``text`` is None where the mail has no such part."""

    headers: tuple[Header, ...]
    html: str | None
    text: str | None


def read_mail(raw: bytes) -> ReadMail:
    """Return what a mail holds; never raises, whatever the bytes are."""
    return ReadMail(_headers(raw), *_bodies(raw))


def _headers(raw: bytes) -> tuple[Header, ...]:
    parsed = BytesHeaderParser(policy=policy.compat32).parsebytes(raw)
    return tuple(Header(name, _decoded(raw_value)) for name, raw_value in parsed.raw_items())


def _decoded(value: object) -> str:
    """Return a header's value as people read it, or as it stands where it breaks the rules."""
    unfolded = re.sub(r"\r?\n[ \t]", " ", str(value)).encode("utf-8", "replace").decode("utf-8")
    try:
        return str(policy.default.header_factory("Subject", unfolded))
    except (MessageError, ValueError, IndexError, AttributeError):
        return unfolded


def _bodies(raw: bytes) -> tuple[str | None, str | None]:
    parsed = BytesParser(policy=policy.default).parsebytes(raw)
    if not isinstance(parsed, EmailMessage):
        return None, None
    return _body(parsed, "html"), _body(parsed, "plain")


def _body(mail: EmailMessage, kind: str) -> str | None:
    """Return the first part of a kind, decoded as it says, else as UTF-8 with marks for what is wrong."""
    part = next((part for part in mail.walk() if part.get_content_type() == f"text/{kind}"), None)
    if part is None:
        return None
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return None
    try:
        text = payload.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = payload.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")


def mark_hits(content: str, *, public_url: str, key_ring: KeyRing) -> str:
    """Return ``content`` with our own click links and pixels marked as coming from the local inbox.

    The mark (``?i=…``) makes a hit settle at once; it is made here, when a mail is shown, so no mail ever carries it.
    """
    return re.sub(re.escape(public_url) + HIT_PATHS, _marker(key_ring), content, flags=re.ASCII)


def _marker(key_ring: KeyRing) -> Callable[[re.Match[str]], str]:
    def mark(found: re.Match[str]) -> str:
        return f"{found.group()}?i={key_ring.inbox_mark(found.group(1) or found.group(2))}"

    return mark
