"""Whose request this is, as far as the network can say. Pure: no database, no Redis.

An address counts as evidence only when it is somebody's: loopback, private and link-local ones are not, nor is the
address of a proxy that nobody declared (it would be one address for many people).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from campaigns.errors import InvalidInput

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Written out, because ``is_global`` also leaves out documentation ranges, which trials and tests stand on.
NOBODYS = [
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
]


class InvalidProxies(InvalidInput):
    """TIDINGS_TRUSTED_PROXIES holds something that is no network."""

    code = "invalid_proxies"


@dataclass(frozen=True)
class TrustedProxies:
    """The networks whose ``X-Forwarded-For`` is believed."""

    networks: tuple[Network, ...]

    @classmethod
    def parse(cls, text: str) -> "TrustedProxies":
        """Read comma-separated addresses and networks; raises :class:`InvalidProxies`."""
        parts = [part.strip() for part in text.split(",") if part.strip()]
        try:
            return cls(tuple(ipaddress.ip_network(part, strict=False) for part in parts))
        except ValueError as error:
            raise InvalidProxies(
                f"TIDINGS_TRUSTED_PROXIES: {error}. Give addresses or networks separated by commas, "
                "such as 10.0.0.5, 2001:db8::/32."
            ) from error

    def trust(self, address: Address) -> bool:
        """Say whether ``address`` is a declared proxy's."""
        return any(address in network for network in self.networks)

    def declares(self, peer: str) -> bool:
        """Say whether ``peer``, as text, is a declared proxy's address."""
        address = _parse(peer)
        return address is not None and self.trust(address)


def find_client(proxies: TrustedProxies, *, peer: str, forwarded: Sequence[str]) -> str | None:
    """Return the address of who sent the request, or None where there is no evidence.

    ``peer`` is the other end of the connection; ``forwarded`` holds the values of all ``X-Forwarded-For`` lines in
    order. They are read from right to left: each declared proxy is believed about who came to it, nobody else is.
    """
    hops = [hop for line in forwarded for hop in line.split(",")]
    address = _parse(peer)
    if address is None or (hops and not proxies.trust(address)):
        return None  # a proxy that nobody declared: its address stands for many people
    while hops and proxies.trust(address):
        address = _parse(hops.pop())
        if address is None:
            return None
    return None if proxies.trust(address) or _is_nobodys(address) else str(address)


def network_of(address: str) -> str:
    """Return the network an address is kept as: /24 of IPv4, /48 of IPv6."""
    parsed = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 48), strict=False))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    """Read an address that may have a port behind it and brackets around it."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=4096)
def _is_nobodys(address: Address) -> bool:
    return any(address in network for network in NOBODYS)
