"""What holds at one moment: the state of every link and node, the boxes on the path, what servers do.

A value, computed from a scenario for each slot (:mod:`lab.scenario`) and sent
whole to the processes that act on it; so nothing that a disaster did has to be
undone, and the order of slots does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta
    from ipaddress import IPv4Address, IPv6Address

    from lab.link import LinkProfile
    from lab.refusal import Refusal
    from lab.station import Placement
    from lab.topology import Topology


class Fate(StrEnum):
    """How a host that no longer serves looks from outside, or a router that no longer carries."""

    SILENT = "silent"  # packets to it are lost: no power
    UNREACHABLE = "unreachable"  # its router says so by ICMP
    REFUSING = "refusing"  # the machine lives, its services do not: TCP is refused


class InterfaceState(StrEnum):
    """A host's own end of its link."""

    UP = "up"
    DOWN = "down"  # taken down: no routes
    UNPLUGGED = "unplugged"  # up, but without carrier


class LieKind(StrEnum):
    """What a resolver that lies says."""

    ADDRESSES = "addresses"
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    EMPTY = "empty"  # the name exists and has no address


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """What one resolver answers instead of the truth, over whatever transport it is asked."""

    resolver: str
    names: tuple[str, ...]
    """Domains, with their subdomains."""
    kind: LieKind
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    """What it answers, where the lie is addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRefusal:
    """What a server itself does against some of its visitors."""

    site: str
    """The first name of the site."""
    refusal: Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """One moment of the lab."""

    hosts: frozenset[str]
    routers: frozenset[str]
    links: Mapping[str, LinkProfile]
    costs: Mapping[str, int]
    """Of each link, to the routers that choose among paths."""
    fates: Mapping[str, Fate] = field(default_factory=dict)
    """Of hosts and routers that do not work; a router has no fate but silence."""
    interfaces: Mapping[str, InterfaceState] = field(default_factory=dict)
    asleep: frozenset[str] = frozenset()
    """Hosts whose machine does not run, so that nothing is measured there."""
    clock_errors: Mapping[str, timedelta] = field(default_factory=dict)
    """How far a host's own clock is ahead of the true time."""
    placements: tuple[Placement, ...] = ()
    lies: tuple[Lie, ...] = ()
    refusals: tuple[PlacedRefusal, ...] = ()

    def with_link(self, name: str, **changes: float | bool | tuple[float, float] | None) -> Conditions:
        """Give these conditions with one link changed. Raises LookupError if there is none of that name."""
        if name not in self.links:
            raise LookupError(name)
        changed = replace(self.links[name], **changes)  # type: ignore[arg-type]  # its own fields, by name
        return replace(self, links={**self.links, name: changed})

    def with_cost(self, link: str, cost: int) -> Conditions:
        """Give these conditions with one link advertised at another cost. Raises LookupError."""
        if link not in self.links:
            raise LookupError(link)
        return replace(self, costs={**self.costs, link: cost})

    def with_fate(self, node: str, fate: Fate) -> Conditions:
        """Give these conditions with one host or router no longer working. Raises LookupError."""
        if node not in self.hosts and node not in self.routers:
            raise LookupError(node)
        return replace(self, fates={**self.fates, node: fate})

    def with_interface(self, host: str, state: InterfaceState) -> Conditions:
        """Give these conditions with one host's own interface in another state. Raises LookupError."""
        self._require(host)
        return replace(self, interfaces={**self.interfaces, host: state})

    def with_asleep(self, host: str) -> Conditions:
        """Give these conditions with one host's machine not running. Raises LookupError."""
        self._require(host)
        return replace(self, asleep=self.asleep | {host})

    def with_clock_error(self, host: str, ahead: timedelta) -> Conditions:
        """Give these conditions with one host's clock wrong. Raises LookupError."""
        self._require(host)
        return replace(self, clock_errors={**self.clock_errors, host: ahead})

    def with_boxes(self, placements: Iterable[Placement]) -> Conditions:
        """Give these conditions with these boxes beside those that stand already."""
        return replace(self, placements=(*self.placements, *placements))

    def _require(self, host: str) -> None:
        if host not in self.hosts:
            raise LookupError(host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a change is looked at, and in which world."""

    topology: Topology
    elapsed: timedelta
    """Since it began."""
    name: str
    """Of the change, unique in its scenario; what it places is called after it."""


class Change(Protocol):
    """The one signature of every disaster and every order: conditions in, other conditions out."""

    def __call__(self, conditions: Conditions, moment: Moment) -> Conditions:
        """Let it happen."""
        ...


def peace(topology: Topology) -> Conditions:
    """Give the conditions in which nothing is wrong."""
    return Conditions(
        hosts=frozenset(topology.hosts),
        routers=frozenset(topology.routers),
        links={name: link.profile for name, link in topology.links.items()},
        costs={name: link.cost for name, link in topology.links.items()},
    )
