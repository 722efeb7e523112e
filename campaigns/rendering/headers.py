"""Header lines as bytes, serialised by ourselves (rules M1, M3–M5, M7, L1, L5).

The standard library turns long List-Unsubscribe values into encoded-words, mangles IDN addresses and lets NUL
through. Here every value is cleaned of line ends and control characters first, so that nothing can inject a header.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

import idna

from campaigns.errors import InvalidInput
from campaigns.rendering.escape import escape_header

FOLD_AT = 78
LONGEST_LINE = 998
ENCODED_OCTETS = 45  # 60 letters of base64 + "=?utf-8?b?" + "?=" = 72 octets, under the 75 of RFC 2047
PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
PLAIN_LINE = re.compile(r"[!-~]+(?: [!-~]+)*")
PLAIN_NAME = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
PLAIN_TOKEN = re.compile(r"[!-~]+")
SHORT = 60  # with any of our header names still one line
LOCAL_PART = re.compile(r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,\"\u2028\u2029\x80-\x9f\ud800-\udfff]+")
DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f.:ipv]+\]", re.IGNORECASE)
LIST_LABEL = re.compile(r"[^A-Za-z0-9._-]+")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class UnusableAddress(InvalidInput):
    """An address cannot stand in a header: it is not local-part@domain."""

    code = "unusable_address"


def header(name: str, value: str) -> bytes:
    """Return one header line of ASCII tokens: no encoded-words, folded at white space only (rule M4)."""
    if PLAIN_TOKEN.fullmatch(value):
        return f"{name}: {value}\r\n".encode("ascii")
    value = " ".join(escape_header(value).split())
    if not value.isascii():
        raise UnusableAddress(f"The header {name} can only hold ASCII.", field=name)
    return _fold(name, value.split(" "))


def text_header(name: str, value: str) -> bytes:
    """Return one header line of human words, as RFC 2047 encoded-words where they are not plain ASCII."""
    if len(value) < SHORT and "=?" not in value and PLAIN_LINE.fullmatch(value):
        return f"{name}: {value}\r\n".encode("ascii")
    value = " ".join(escape_header(value).split())
    if value.isascii() and "=?" not in value and all(len(word) < LONGEST_LINE - FOLD_AT for word in value.split(" ")):
        return _fold(name, value.split(" "))
    return _fold(name, list(encoded_words(value)))


def address_header(name: str, display_name: str, email: str) -> bytes:
    """Return one header line with one address, its display name before it (RFC 5322, 2047).

    A domain is written as A-labels. A local part that is not ASCII is written as UTF-8 (RFC 6532) and needs
    SMTPUTF8. Raises :class:`UnusableAddress`.
    """
    address = ascii_domain(email)
    if len(display_name) + len(address) < SHORT and PLAIN_NAME.fullmatch(display_name):
        return f"{name}: {display_name} <{address}>\r\n".encode()
    display_name = " ".join(escape_header(display_name).split())
    if not display_name:
        return _fold(name, [address])
    if PHRASE.fullmatch(display_name) and "=?" not in display_name and len(display_name) < LONGEST_LINE // 2:
        words = display_name.split(" ")
    elif display_name.isascii() and "=?" not in display_name and len(display_name) < FOLD_AT:
        escaped = display_name.replace("\\", "\\\\").replace('"', '\\"')
        words = [f'"{escaped}"']
    else:
        words = list(encoded_words(display_name))
    return _fold(name, [*words, f"<{address}>"])


def encoded_words(text: str) -> Iterator[str]:
    """Yield ``text`` as encoded-words of at most 75 octets; no character is cut in two (RFC 2047, section 5)."""
    piece = b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > ENCODED_OCTETS:
            yield f"=?utf-8?b?{b64encode(piece).decode()}?="
            piece = b""
        piece += octets
    yield f"=?utf-8?b?{b64encode(piece).decode()}?="


def _fold(name: str, words: list[str]) -> bytes:
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > FOLD_AT and line.strip() and not line.endswith(":"):
            lines.append(line)
            line = ""
        line += f" {word}"
    lines.append(line)
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")


@lru_cache(maxsize=16_384)
def ascii_host(domain: str) -> str:
    """Return a domain as A-labels (IDNA 2008, with UTS 46 mapping); raises :class:`UnusableAddress`."""
    try:
        name = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise UnusableAddress(f"{domain!r} is no domain name.", field="email") from error
    if not DOMAIN.fullmatch(name) or len(name) > 255:
        raise UnusableAddress(f"{domain!r} is no domain name.", field="email")
    return name


@lru_cache(maxsize=1024)
def ascii_domain(email: str) -> str:
    """Return an address with its domain as A-labels; raises :class:`UnusableAddress` for what is no address."""
    local, _, domain = email.rpartition("@")
    is_quoted = len(local) > 2 and local[0] == local[-1] == '"' and re.fullmatch(r'"[ !#-\[\]-~]*"', local)
    if not (LOCAL_PART.fullmatch(local) or is_quoted) or len(local.encode("utf-8", "replace")) > 64:
        raise UnusableAddress(f"{email!r} is no mail address.", field="email")
    return f"{local}@{ascii_host(domain)}"


@lru_cache(maxsize=4)
def _write_second(second: datetime) -> str:
    day, month = DAYS[second.weekday()], MONTHS[second.month - 1]
    return f"{day}, {second.day:02} {month} {second.year:04} {second:%H:%M:%S} +0000"


def write_date(now: datetime) -> str:
    """Return an instant as RFC 5322 writes it, in UTC and English whatever the locale is."""
    return _write_second(now.astimezone(UTC).replace(microsecond=0))


def list_id(list_name: str, list_header_id: str, from_email: str) -> bytes:
    """Return the List-Id header (RFC 2919): the list's stable label under the sender's domain."""
    label = LIST_LABEL.sub("-", list_header_id).strip(".-") or "list"
    domain = ascii_host(from_email.rpartition("@")[2])
    name = " ".join(escape_header(list_name).split())
    identifier = label if label.endswith("." + domain) else f"{label}.{domain}"
    # Encoded-words may not stand in List-* (rule M4): a name that needs them is left out.
    if not name.isascii() or "=?" in name or not name or len(name) > FOLD_AT:
        return header("List-Id", f"<{identifier}>")
    quoted = name if ATOM.fullmatch(name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return header("List-Id", f"{quoted} <{identifier}>")
