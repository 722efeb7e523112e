"""Whose address is evidence: read from right to left, and only what somebody vouches for."""

import pytest

from campaigns.tracking.client_address import InvalidProxies, TrustedProxies, find_client, network_of

NONE = TrustedProxies.parse("")
OURS = TrustedProxies.parse("127.0.0.1, 10.0.0.0/8, 2001:db8:ffff::/48")


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "expected"),
    [
        (NONE, "198.51.100.7", [], "198.51.100.7"),
        (NONE, "127.0.0.1", [], None),
        (NONE, "192.168.1.5", [], None),
        (NONE, "172.16.0.1", [], None),
        (NONE, "100.64.1.1", [], None),
        (NONE, "::1", [], None),
        (NONE, "fe80::1", [], None),
        (NONE, "fd00::1", [], None),
        (NONE, "::ffff:198.51.100.7", [], "198.51.100.7"),
        (NONE, "::ffff:10.0.0.1", [], None),
        (NONE, "nonsense", [], None),
        (NONE, "", [], None),
        # a proxy nobody declared stands for many people
        (NONE, "198.51.100.7", ["203.0.113.1"], None),
        (NONE, "127.0.0.1", ["203.0.113.1"], None),
        # a declared one is believed about who came to it, and nothing further left
        (OURS, "127.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        (OURS, "127.0.0.1", ["6.6.6.6, 203.0.113.1"], "203.0.113.1"),
        (OURS, "127.0.0.1", ["6.6.6.6", "203.0.113.1, 10.1.2.3"], "203.0.113.1"),
        (OURS, "127.0.0.1", ["203.0.113.1:4711"], "203.0.113.1"),
        (OURS, "127.0.0.1", ["[2001:db8::9]:443"], "2001:db8::9"),
        (OURS, "2001:db8:ffff::1", ["203.0.113.1"], "203.0.113.1"),
        (OURS, "127.0.0.1", ["192.168.1.1"], None),
        (OURS, "127.0.0.1", ["10.1.1.1"], None),
        (OURS, "127.0.0.1", ["203.0.113.1, unknown"], None),
        (OURS, "127.0.0.1", [""], None),
        (OURS, "127.0.0.1", [], None),
        (OURS, "198.51.100.7", [], "198.51.100.7"),
    ],
)
def test_the_client_is_who_a_trusted_chain_leads_to(
    proxies: TrustedProxies, peer: str, forwarded: list[str], expected: str | None
) -> None:
    assert find_client(proxies, peer=peer, forwarded=forwarded) == expected


def test_networks_are_24_bits_of_ipv4_and_48_of_ipv6() -> None:
    assert network_of("198.51.100.7") == "198.51.100.0/24"
    assert network_of("2001:db8:1:2::3") == "2001:db8:1::/48"


def test_a_setting_that_is_no_network_is_refused_in_words() -> None:
    with pytest.raises(InvalidProxies, match="TIDINGS_TRUSTED_PROXIES"):
        TrustedProxies.parse("10.0.0.0/8, loadbalancer")
