"""Which addresses lie on the open Internet.

What a name resolves to is the network's word: a forged answer, a redirect or
a rebinding name may point into the volunteer's own network. A probe dials
nothing but globally routable unicast addresses. The lists are written out
here, so that the answer does not depend on the version of Python.

This module does not dial, and a bogon is no verdict: :mod:`analysis` reads
what an answer held.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NOT_PUBLIC_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared between a provider and its customers, RFC 6598
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays, withdrawn by RFC 7526
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)

_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056

_NOT_PUBLIC_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments; Teredo too, which embeds an IPv4 address
        "2001:db8::/32",
        "3fff::/20",
    )
)


def is_public_address(address: IPv4Address | IPv6Address) -> bool:
    """Say whether ``address`` is globally routable unicast (IANA special-purpose registries).

    IPv4-mapped addresses are refused. An address of NAT64 or 6to4 is as
    public as the IPv4 address that it embeds.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public_address(IPv4Address(int(address) & 0xFFFFFFFF))
    if address in _SIX_TO_FOUR:
        return is_public_address(IPv4Address((int(address) >> 80) & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address in its usual notation; ``None`` where ``text`` is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None
