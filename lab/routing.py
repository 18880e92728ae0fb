"""Static routes: shortest paths by delay, to hosts and routers by prefix.

Nothing is re-routed when a link fails: what was behind it is dark until it is
mended, as where there is one fibre and no other.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from ipaddress import IPv4Network, IPv6Network

    from lab.packet import Address

Value = TypeVar("Value")


class PrefixTable(Generic[Value]):
    """Finds what belongs to the longest prefix that holds an address."""

    def __init__(self, entries: Iterable[tuple[IPv4Network | IPv6Network, Value]]) -> None:
        self._tables: dict[tuple[int, int], dict[int, Value]] = {}
        for network, value in entries:
            key = (network.version, network.prefixlen)
            shift = network.max_prefixlen - network.prefixlen
            self._tables.setdefault(key, {})[int(network.network_address) >> shift] = value
        self._lengths = sorted(self._tables, key=lambda key: -key[1])

    def find(self, address: Address) -> Value | None:
        """Give the value of the longest prefix, ``None`` if there is none."""
        number = int(address)
        for version, length in self._lengths:
            if version == address.version:
                value = self._tables[version, length].get(number >> (address.max_prefixlen - length))
                if value is not None:
                    return value
        return None


def next_hops(delays: Mapping[tuple[str, str], float], destination: str) -> dict[str, str]:
    """Give for every node the neighbour through which ``destination`` is nearest.

    ``delays`` has each link once, under its two ends, in seconds. Ties go to the
    name that sorts first, so that routes are the same in every run.
    """
    neighbours: dict[str, list[tuple[str, float]]] = {}
    for (one, other), delay_s in delays.items():
        neighbours.setdefault(one, []).append((other, delay_s))
        neighbours.setdefault(other, []).append((one, delay_s))
    towards: dict[str, str] = {}
    waiting = [(0.0, destination, destination)]
    while waiting:
        distance_s, node, via = heapq.heappop(waiting)
        if node in towards:
            continue
        towards[node] = via
        for neighbour, delay_s in neighbours.get(node, ()):
            if neighbour not in towards:
                heapq.heappush(waiting, (distance_s + delay_s, neighbour, node))
    del towards[destination]
    return towards
