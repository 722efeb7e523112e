"""Addresses: one rule that says which spellings are one person, applied in Python only.

Address rule 1 (``installation.address_rule``): white space around is cut off, the whole is NFC, the domain is written
in A-labels (IDNA 2008), everything is lower-cased with ``str.lower`` and brought to NFC again. Dots and plus signs
stay; there is no case-folding, which would make groß@ and gross@ one person.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from campaigns.errors import InvalidInput

MAX_ADDRESS_OCTETS = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
MAX_LOCAL_OCTETS = 64
_TRIM = "\ufeff\u200b\u200e\u200f\u2060"  # what spreadsheets and web pages leave around an address, unseen
_PLAIN_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_UNDER = ".example"
_SPACE = re.compile(r"\s")

MESSAGES = {
    "empty": "The address is empty.",
    "no_at": "The address has no @.",
    "space": "The address has a space inside.",
    "invalid": "This is not an email address that mail could be sent to.",
}


class InvalidAddress(InvalidInput):
    """The text is no email address; ``code`` is empty, no_at, space or invalid."""

    def __init__(self, code: str) -> None:
        super().__init__(MESSAGES[code], field="email")
        self.code = code


@dataclass(frozen=True, slots=True)
class Address:
    """``email`` is what mail is sent to, ``key`` what makes it one person, ``domain`` its A-label domain."""

    email: str
    key: str
    domain: str


def normalise(email: str) -> Address:
    """Return the normalised address; raises :class:`InvalidAddress`. Normalising twice changes nothing.

    A plain ASCII local part is sent to in lower case. One beyond ASCII (RFC 6531) is sent to as it was written,
    because lower-casing could change whose it is.
    """
    text = trim(email)
    local, at, domain = text.rpartition("@")
    if not text:
        raise InvalidAddress("empty")
    if not at:
        raise InvalidAddress("no_at")
    if _SPACE.search(text):
        raise InvalidAddress("space")
    plain = local.lower() if local.isascii() else ""
    if not _PLAIN_LOCAL.fullmatch(plain):
        return _normalise_unusual(text)
    name = _a_label(domain)
    if name is None or len(plain) > MAX_LOCAL_OCTETS or len(plain) + 1 + len(name) > MAX_ADDRESS_OCTETS:
        raise InvalidAddress("invalid")
    key = f"{plain}@{name}"
    return Address(key, key, name)


def trim(text: str) -> str:
    """Return ``text`` without the white space and invisible marks around it."""
    return text.strip().strip(_TRIM).strip()


@lru_cache(maxsize=50_000)
def _a_label(domain: str) -> str | None:
    """Return the domain in lower-case A-labels, or None when mail can't go there. Most files name few domains.

    Only the spelling is judged: special-use names (``.test``, ``.local``) are real inside a company and in trials, so
    they are shown to the validator below a name that it has nothing against.
    """
    try:
        checked = validate_email(f"a@{domain}{_UNDER}", check_deliverability=False)
    except EmailNotValidError:
        return None
    name = checked.ascii_domain.lower().removesuffix(_UNDER)
    return name if "." in name else None


def _normalise_unusual(text: str) -> Address:
    """Normalise a local part that is not plain ASCII."""
    written, _, domain = text.rpartition("@")
    try:
        checked = validate_email(f"{written}@a{_UNDER}", check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidAddress("invalid") from error
    name = _a_label(domain)
    local = unicodedata.normalize("NFC", checked.local_part)
    lowered = unicodedata.normalize("NFC", local.lower())
    email = f"{local}@{name}"
    if name is None or max(len(email.encode()), len(lowered.encode()) + 1 + len(name)) > MAX_ADDRESS_OCTETS:
        raise InvalidAddress("invalid")
    return Address(email, f"{lowered}@{name}", name)


def mask(email: str) -> str:
    """Return a form that its owner recognises and nobody else can write to: ``j…@example.com``."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}…@{domain}" if at and local else ""
