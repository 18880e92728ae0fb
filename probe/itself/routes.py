"""The kernel's own tables: default routes, and whether the gateway is known at its hardware address.

Read, never asked for: nothing is sent. Linux shows them to everybody; other
systems do not as files, and there every answer is ``None``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

TABLES = Path("/proc/net")
_MAX_LINES = 4_096
"""Of one table; a router with the Internet's whole table is no vantage."""

_UP, _GATEWAY = 0x1, 0x2  # RTF_UP, RTF_GATEWAY
_ARP_COMPLETE = 0x2  # ATF_COM: the neighbour said where it is


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """One default route: the interface, and who is asked to carry the packets on."""

    interface: str
    gateway: IPv4Address | IPv6Address | None
    """``None`` where the interface leads to one place anyway."""
    metric: int


def default_routes() -> list[DefaultRoute] | None:
    """List the default routes of both families, each family's preferred first; ``None`` where nothing shows them."""
    if sys.platform != "linux":
        return None
    four = [route for line in _lines("route") if (route := _default_v4(line.split()))]
    six = [route for line in _lines("ipv6_route") if (route := _default_v6(line.split()))]
    return [*sorted(four, key=lambda route: route.metric), *sorted(six, key=lambda route: route.metric)]


def has_default_route() -> bool | None:
    """Tell whether there is a default route; ``None`` where the system does not show it."""
    routes = default_routes()
    return None if routes is None else bool(routes)


def is_neighbour(gateway: IPv4Address | IPv6Address | None) -> bool | None:
    """Tell whether the gateway last answered who it is (ARP); ``None`` where it was not asked, or has none.

    It tells a gateway that is switched off from one that merely sends no ICMP.
    """
    if sys.platform != "linux" or not isinstance(gateway, IPv4Address):
        return None
    for line in _lines("arp")[1:]:
        fields = line.split()
        if len(fields) > 2 and fields[0] == str(gateway):
            return bool(_hex(fields[2]) & _ARP_COMPLETE)
    return None


def _lines(table: str) -> list[str]:
    try:
        with (TABLES / table).open(encoding="ascii", errors="replace") as file:
            return [line for _, line in zip(range(_MAX_LINES), file, strict=False)]
    except OSError:
        return []


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


def _default_v4(fields: list[str]) -> DefaultRoute | None:
    # Iface Destination Gateway Flags RefCnt Use Metric Mask …; addresses as the machine's own 32-bit words
    if len(fields) < 8 or not fields[1] == fields[7] == "00000000" or not _hex(fields[3]) & _UP:
        return None
    is_via = bool(_hex(fields[3]) & _GATEWAY)
    word = _hex(fields[2]) & 0xFFFFFFFF
    gateway = IPv4Address(word.to_bytes(4, sys.byteorder)) if is_via else None
    return DefaultRoute(fields[0], gateway, int(fields[6]) if fields[6].isdecimal() else 0)


def _default_v6(fields: list[str]) -> DefaultRoute | None:
    # destination length source length next-hop metric refcnt use flags interface; lo holds the kernel's reject route
    if len(fields) < 10 or set(fields[0]) != {"0"} or fields[1] != "00" or fields[9] == "lo":
        return None
    is_via = bool(_hex(fields[8]) & _GATEWAY)
    gateway = IPv6Address(_hex(fields[4]) & (1 << 128) - 1) if is_via else None
    return DefaultRoute(fields[9], gateway, _hex(fields[5]))
