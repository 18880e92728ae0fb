"""What the vantages of a topology hang on, as the shared-risk file that an analyst would write.

The lab knows its cables; a researcher has to ask for them. So a scenario's own plant
is given to the analysis as the file that somebody who had asked would bring. Where a
topology says that it is ``assumed``, all of it stays marked so, and nothing is said to
be complete or to have a second way.

A way that is lost and noticed is gone round. One that is lost and that no router
notices is not, so each part of the cheapest way that could be gone round stands in
the file a second time, as its unnoticed loss.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, Final

import yaml

from analysis.causes.plant import Kind
from analysis.causes.plant_file import MOST_WAYS
from lab.topology import Role

if TYPE_CHECKING:
    from lab.topology import Topology

SOURCE: Final = "the lab's topology"

_LINE: Final = "line of "
_MAINS: Final = "mains of "
_UNNOTICED: Final = " unnoticed"

_DESTINATIONS: Final = (Role.WEB, Role.HELPER, Role.PUBLIC_RESOLVER)


def plant_of(topology: Topology) -> bytes:
    """Give the shared-risk file of a topology."""
    cables = _Cables(topology)
    ends_of = {
        (name, is_home): {
            end
            for end, other in topology.hosts_of(*_DESTINATIONS).items()
            if (topology.networks[other.network].country == topology.networks[host.network].country) is is_home
        }
        for name, host in topology.hosts_of(Role.VANTAGE, Role.SENTINEL).items()
        for is_home in (True, False)
    }
    rounded = {element for (name, _), ends in ends_of.items() for element in cables.rounded(name, ends)}
    said = {"assumed": topology.assumed} if topology.assumed else {"source": SOURCE}
    lines: list[dict[str, Any]] = []
    used: set[str] = set()
    for name in topology.hosts_of(Role.VANTAGE, Role.SENTINEL):
        line: dict[str, Any] = {"vantage": name}
        for key, is_home in (("home", True), ("abroad", False)):
            needs = cables.needs(name, ends_of[name, is_home], rounded)
            if needs:
                line[key] = needs
        if len(line) > 1:
            lines.append({**line, **said})
            used |= _named(line)
    elements = {element: {"kind": str(cables.kind(element)), **said} for element in sorted(used)}
    content: dict[str, Any] = {"summary": f"What hangs on what: {topology.summary}"[:300], "elements": elements}
    content["lines"] = lines
    if not topology.assumed:
        content["complete"] = SOURCE
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120).encode()


def _named(line: dict[str, Any]) -> set[str]:
    """Give every element that the needs of a line name."""
    found: set[str] = set()
    for need in (*line.get("home", ()), *line.get("abroad", ())):
        ways = need["any"] if isinstance(need, dict) else [[need]]
        found |= {element for way in ways for element in way}
    return found


class _Cables:
    """The routers and links of a topology, and what brings each of them down."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._doors = {host.router for host in topology.hosts_of(Role.VANTAGE, Role.SENTINEL).values()}
        self._link_of = {frozenset(link.between): name for name, link in topology.links.items()}
        self._neighbours: dict[str, list[tuple[int, str]]] = {}
        for link in topology.links.values():
            for one, other in (link.between, link.between[::-1]):
                self._neighbours.setdefault(one, []).append((link.cost, other))

    def rounded(self, vantage: str, ends: set[str]) -> dict[str, tuple[str, ...]]:
        """Give the elements of a vantage's way to any of some hosts that can be gone round, each with the way then."""
        ways = {element: self._way(vantage, ends, without=element) for element in self._way(vantage, ends) or ()}
        return {element: way for element, way in ways.items() if way is not None}

    def needs(self, vantage: str, ends: set[str], rounded: set[str]) -> list[Any]:
        """Give what a vantage needs to reach any of some hosts, as the file writes it.

        ``rounded``: what anybody can go round. Its unnoticed loss hits whoever hangs on it.
        """
        way = self._way(vantage, ends) or ()
        if self._topology.assumed:
            return [*way]
        round_it = self.rounded(vantage, ends)
        always = [element for element in way if element not in round_it]
        needs: list[Any] = [*always, *(element + _UNNOTICED for element in way if element in rounded)]
        others = dict.fromkeys(tuple(e for e in other if e not in always) for other in round_it.values())
        if others:
            needs.append({"any": [[e for e in way if e in round_it], *map(list, others)][:MOST_WAYS]})
        return needs

    def kind(self, element: str) -> Kind:
        """Give the kind of an element."""
        element = element.removesuffix(_UNNOTICED)
        if element.startswith(_LINE):
            return Kind.LAST_MILE
        if element.startswith(_MAINS):
            return Kind.POWER
        if element in self._topology.fibres():
            return Kind.FIBRE
        networks, routers = self._topology.networks, self._topology.routers
        if element in self._topology.links:
            if self._doors & set(self._topology.links[element].between):
                return Kind.LAST_MILE
            inside = {routers[end].network for end in self._topology.links[element].between if end in routers}
            return Kind.FIBRE if len(inside) == 1 else Kind.TRANSIT
        around = [name for _, name in self._neighbours[element]]
        countries = {networks[routers[name].network].country for name in around if name in routers}
        mine = networks[routers[element].network].country
        measured = {networks[host.network].country for host in self._topology.hosts_of(Role.VANTAGE).values()}
        if mine not in measured:
            return Kind.TRANSIT
        if countries - {mine}:
            return Kind.GATEWAY
        return Kind.SITE if self._doors & set(around) else Kind.EXCHANGE

    def _way(self, vantage: str, ends: set[str], without: str = "") -> tuple[str, ...] | None:
        """Give the elements of the cheapest way to the nearest end, in order, that does without one of them."""
        seen: set[str] = set()
        waiting: list[tuple[int, str, tuple[str, ...]]] = [(0, vantage, self._fells(vantage))]
        while waiting:
            cost, node, elements = heapq.heappop(waiting)
            if node in ends:
                return tuple(dict.fromkeys(elements))
            if node in seen or (node in self._topology.hosts and node != vantage):
                continue
            seen.add(node)
            for more, neighbour in self._neighbours[node]:
                onto = (*self._fells_link(node, neighbour), *self._fells(neighbour))
                if without not in onto:
                    heapq.heappush(waiting, (cost + more, neighbour, (*elements, *onto)))
        return None

    def _fells(self, node: str) -> tuple[str, ...]:
        """Give the elements whose fall stops a node; servers are no part of the plant."""
        if node in self._topology.hosts:
            host = self._topology.hosts[node]
            return (_MAINS + host.power,) if host.power and host.role in {Role.VANTAGE, Role.SENTINEL} else ()
        power = self._topology.routers[node].power
        mine = _LINE + node if node in self._doors else node
        return (mine, _MAINS + power) if power else (mine,)

    def _fells_link(self, one: str, other: str) -> tuple[str, ...]:
        """Give the elements whose fall cuts a link; what has but one way out is one line with it."""
        for end in (one, other):
            out = [name for _, name in self._neighbours[end] if name in self._topology.routers]
            if end in self._topology.hosts or (end in self._doors and len(out) == 1):
                return ()
        name = self._link_of[frozenset({one, other})]
        return self._topology.links[name].fibres or (name,)
