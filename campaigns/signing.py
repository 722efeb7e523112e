"""Keys and tokens. Pure: no database, no Redis, no clock.

One master key, HKDF (RFC 5869) per purpose. Every token begins with a version and the id of the key that signed
it, so that a retired key still verifies what it once signed. MACs are HMAC-SHA-256 cut to 10 bytes (RFC 2104
section 5): a forger needs about 2^79 tries against a server that answers each one.

Message token: 1 byte version, 1 byte key id, 4 bytes campaign, 4 bytes seq, 10 bytes MAC = 20 bytes; 27 characters
of base64url in links, 32 of base32 in the return-path, well under the 64 octets of a local part (RFC 5321).
"""

import base64
import hashlib
import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

MAC_BYTES = 10
VERSION = 1
HEAD = struct.Struct(">BBII")
LINK_HEAD = struct.Struct(">BBIH")
UNSUBSCRIBE_HEAD = struct.Struct(">BBIQ10sII")
ADDRESS_HASH_BYTES = 16
TOKEN_ADDRESS_BYTES = 10
MAX_TOKEN_CHARACTERS = 4096


class BadToken(ValueError):
    """The token was forged, cut, altered, mixed or is not ours. Never says which."""


@dataclass(frozen=True)
class MessageRef:
    """One message: campaign and seq."""

    campaign_id: int
    seq: int


@dataclass(frozen=True)
class LinkRef:
    """One link of a campaign and where it leads. ``number`` counts from 1."""

    campaign_id: int
    number: int
    target: str


@dataclass(frozen=True)
class UnsubscribeRef:
    """Who unsubscribes from what; ``campaign_id`` and ``seq`` are 0 where no message is behind it."""

    list_id: int
    contact_id: int
    address_hash: bytes
    campaign_id: int
    seq: int


def to_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64(text: str) -> bytes:
    """Decode unpadded base64url; raises :class:`BadToken` unless the spelling is canonical."""
    if not text or len(text) > MAX_TOKEN_CHARACTERS or not text.isascii():
        raise BadToken
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise BadToken from error
    if to_base64(raw) != text:
        raise BadToken
    return raw


@dataclass(frozen=True)
class MasterKey:
    """One master key and the keys derived from it."""

    secret: bytes = field(repr=False)  # it may end up in a log

    @cached_property
    def key_id(self) -> int:
        """One byte that names the key inside tokens."""
        return hashlib.sha256(b"tidings key id\0" + self.secret).digest()[0]

    @cached_property
    def fingerprint(self) -> str:
        """What the database stores, so that a process with another key refuses to start."""
        return hashlib.sha256(b"tidings fingerprint\0" + self.secret).hexdigest()[:32]

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for ``purpose`` (HKDF, RFC 5869: extract with our salt, expand once)."""
        extracted = hmac.digest(b"tidings hkdf salt v1", self.secret, "sha256")
        return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")

    @cached_property
    def message_key(self) -> bytes:
        return self.derive("message")

    @cached_property
    def link_key(self) -> bytes:
        return self.derive("link")

    @cached_property
    def unsubscribe_key(self) -> bytes:
        return self.derive("unsubscribe")

    @cached_property
    def inbox_key(self) -> bytes:
        return self.derive("inbox")


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, "sha256")[:MAC_BYTES]


@dataclass(frozen=True)
class KeyRing:
    """All master keys, the signing one first. Old ones only verify."""

    keys: Sequence[MasterKey]

    @classmethod
    def from_text(cls, text: str) -> "KeyRing":
        """Read ``TIDINGS_SECRET_KEY``: one key, or several separated by commas, the newest first."""
        secrets = [part.strip().encode() for part in text.split(",") if part.strip()]
        if not secrets or any(len(secret) < 16 for secret in secrets):
            raise ValueError("TIDINGS_SECRET_KEY needs at least 16 characters; `openssl rand -hex 32` makes one.")
        return cls([MasterKey(secret) for secret in secrets])

    @property
    def current(self) -> MasterKey:
        return self.keys[0]

    @property
    def oldest(self) -> MasterKey:
        return self.keys[-1]

    @cached_property
    def session_secret(self) -> str:
        """Signs browser sessions."""
        return self.current.derive("session").hex()

    @cached_property
    def suppression_pepper(self) -> bytes:
        """Keys the address hashes; never rotates, so it comes from the oldest key."""
        return self.oldest.derive("suppression")

    def _by_id(self, key_id: int) -> list[MasterKey]:
        return [key for key in self.keys if key.key_id == key_id]

    def address_hash(self, address_key: str) -> bytes:
        """Return the 16-byte keyed hash under which a normalised address may outlive its contact."""
        return hmac.digest(self.suppression_pepper, address_key.encode(), "sha256")[:ADDRESS_HASH_BYTES]

    # -- message ---------------------------------------------------------------------------------------

    def message_bytes(self, campaign_id: int, seq: int) -> bytes:
        """Return the 20 raw bytes of a message's token."""
        key = self.current
        head = HEAD.pack(VERSION, key.key_id, campaign_id, seq)
        return head + _mac(key.message_key, head)

    def message_token(self, campaign_id: int, seq: int) -> str:
        """Return a message's token as it stands in links: 27 characters."""
        return to_base64(self.message_bytes(campaign_id, seq))

    def return_path_token(self, campaign_id: int, seq: int) -> str:
        """Return the same token as 32 lower-case base32 characters, for the envelope sender (rule S1)."""
        return base64.b32encode(self.message_bytes(campaign_id, seq)).decode("ascii").lower()

    def _read_message(self, raw: bytes) -> MessageRef:
        if len(raw) != HEAD.size + MAC_BYTES:
            raise BadToken
        head, mac = raw[: HEAD.size], raw[HEAD.size :]
        version, key_id, campaign_id, seq = HEAD.unpack(head)
        self._check(version, key_id, "message_key", head, mac)
        return MessageRef(campaign_id, seq)

    def read_message_token(self, text: str) -> MessageRef:
        """Return the message behind a token; raises :class:`BadToken`."""
        return self._read_message(from_base64(text))

    def read_return_path_token(self, text: str) -> MessageRef:
        """Return the message behind a return-path token in either letter case; raises :class:`BadToken`."""
        try:
            raw = base64.b32decode(text.upper())
        except ValueError as error:
            raise BadToken from error
        return self._read_message(raw)

    # -- link ------------------------------------------------------------------------------------------

    def link_piece(self, campaign_id: int, number: int, target: str) -> str:
        """Return the piece of a click URL that carries one link's target, signed once a revision."""
        key = self.current
        payload = LINK_HEAD.pack(VERSION, key.key_id, campaign_id, number) + target.encode()
        return to_base64(payload + _mac(key.link_key, payload))

    def read_link_piece(self, text: str) -> LinkRef:
        """Return the link behind a piece; raises :class:`BadToken`."""
        raw = from_base64(text)
        payload, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if len(payload) <= LINK_HEAD.size:
            raise BadToken
        version, key_id, campaign_id, number = LINK_HEAD.unpack(payload[: LINK_HEAD.size])
        self._check(version, key_id, "link_key", payload, mac)
        try:
            target = payload[LINK_HEAD.size :].decode()
        except UnicodeDecodeError as error:
            raise BadToken from error
        return LinkRef(campaign_id, number, target)

    def read_click_token(self, text: str) -> tuple[MessageRef, LinkRef]:
        """Return message and link behind ``<message token>.<link piece>``.

        Raises :class:`BadToken` also when the two name different campaigns, so that nobody can mix tokens.
        """
        message_text, dot, piece = text.partition(".")
        if not dot:
            raise BadToken
        message, link = self.read_message_token(message_text), self.read_link_piece(piece)
        if message.campaign_id != link.campaign_id:
            raise BadToken
        return message, link

    # -- unsubscribe -----------------------------------------------------------------------------------

    def unsubscribe_token(
        self, *, list_id: int, contact_id: int, address_hash: bytes, campaign_id: int = 0, seq: int = 0
    ) -> str:
        """Return the token of ``/u/`` and ``/p/``: it works when list, contact and campaign rows are gone."""
        key = self.current
        payload = UNSUBSCRIBE_HEAD.pack(
            VERSION, key.key_id, list_id, contact_id, address_hash[:TOKEN_ADDRESS_BYTES], campaign_id, seq
        )
        return to_base64(payload + _mac(key.unsubscribe_key, payload))

    def read_unsubscribe_token(self, text: str) -> UnsubscribeRef:
        """Return who unsubscribes from what; raises :class:`BadToken`. ``address_hash`` holds 10 bytes."""
        raw = from_base64(text)
        if len(raw) != UNSUBSCRIBE_HEAD.size + MAC_BYTES:
            raise BadToken
        payload, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        version, key_id, list_id, contact_id, address, campaign_id, seq = UNSUBSCRIBE_HEAD.unpack(payload)
        self._check(version, key_id, "unsubscribe_key", payload, mac)
        return UnsubscribeRef(list_id, contact_id, address, campaign_id, seq)

    # -- local inbox -----------------------------------------------------------------------------------

    def inbox_mark(self, token: str) -> str:
        """Return the mark that the local inbox appends to a hit's URL (``?i=…``) to say the hit came from it."""
        return to_base64(_mac(self.current.inbox_key, token.encode()))

    def is_inbox_mark(self, token: str, mark: str) -> bool:
        """Say whether ``mark`` was made by the local inbox for ``token``."""
        return hmac.compare_digest(self.inbox_mark(token).encode(), mark.encode())

    def _check(self, version: int, key_id: int, purpose: str, payload: bytes, mac: bytes) -> None:
        if version != VERSION:
            raise BadToken
        for key in self._by_id(key_id):
            if hmac.compare_digest(_mac(getattr(key, purpose), payload), mac):
                return
        raise BadToken
