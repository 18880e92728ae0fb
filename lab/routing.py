"""Routes: cheapest paths, shared among those that cost the same, to hosts and routers by prefix."""

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


def next_hops(costs: Mapping[tuple[str, str], int], destination: str) -> dict[str, tuple[str, ...]]:
    """Give for every node the neighbours through which ``destination`` is cheapest, in the order of their names.

    ``costs`` has each link once, under its two ends. Several neighbours that cost
    the same are all given: routers share the flows among them (ECMP). Nodes from
    which there is no way are left out.
    """
    neighbours: dict[str, list[tuple[str, int]]] = {}
    for (one, other), cost in costs.items():
        neighbours.setdefault(one, []).append((other, cost))
        neighbours.setdefault(other, []).append((one, cost))
    distances: dict[str, int] = {}
    waiting = [(0, destination)]
    while waiting:
        distance, node = heapq.heappop(waiting)
        if node in distances:
            continue
        distances[node] = distance
        for neighbour, cost in neighbours.get(node, ()):
            if neighbour not in distances:
                heapq.heappush(waiting, (distance + cost, neighbour))
    return {
        node: tuple(
            sorted(
                neighbour
                for neighbour, cost in neighbours[node]
                if neighbour in distances and distances[neighbour] + cost == distance
            )
        )
        for node, distance in distances.items()
        if node != destination
    }
