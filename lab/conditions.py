"""What holds at one moment: the state of every link and host, the boxes on the path, the resolvers that lie.

A value, computed from a scenario for each slot (:mod:`lab.scenario`) and sent
whole to the processes that act on it; so nothing that a disaster did has to be
undone, and the order of slots does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from lab.flow import Middlebox
    from lab.link import LinkProfile
    from lab.topology import Topology


class Fate(StrEnum):
    """How a host that no longer serves looks from outside."""

    SILENT = "silent"  # packets to it are lost: no power
    UNREACHABLE = "unreachable"  # its router says so by ICMP
    REFUSING = "refusing"  # the machine lives, its services do not: TCP is refused


class InterfaceState(StrEnum):
    """A host's own end of its link."""

    UP = "up"
    DOWN = "down"  # taken down: no routes
    UNPLUGGED = "unplugged"  # up, but without carrier


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A middlebox at a router."""

    name: str
    """Of this placement, unique among those of one moment."""
    router: str
    networks: frozenset[str]
    """It looks only at packets from or to these networks; empty for all."""
    box: Middlebox


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """What one resolver answers instead of the truth, over whatever transport it is asked."""

    resolver: str
    names: tuple[str, ...]
    """Domains, with their subdomains."""
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    """What it answers; empty for NXDOMAIN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """One moment of the lab."""

    hosts: frozenset[str]
    links: Mapping[str, LinkProfile]
    fates: Mapping[str, Fate] = field(default_factory=dict)
    interfaces: Mapping[str, InterfaceState] = field(default_factory=dict)
    placements: tuple[Placement, ...] = ()
    lies: tuple[Lie, ...] = ()

    def with_link(self, name: str, **changes: float | bool | None) -> Conditions:
        """Give these conditions with one link changed. Raises LookupError if there is none of that name."""
        if name not in self.links:
            raise LookupError(name)
        changed = replace(self.links[name], **changes)  # type: ignore[arg-type]  # its own fields, by name
        return replace(self, links={**self.links, name: changed})

    def with_fate(self, host: str, fate: Fate) -> Conditions:
        """Give these conditions with one host no longer serving. Raises LookupError."""
        self._require(host)
        return replace(self, fates={**self.fates, host: fate})

    def with_interface(self, host: str, state: InterfaceState) -> Conditions:
        """Give these conditions with one host's own interface in another state. Raises LookupError."""
        self._require(host)
        return replace(self, interfaces={**self.interfaces, host: state})

    def with_boxes(self, placements: Sequence[Placement], lies: Sequence[Lie]) -> Conditions:
        """Give these conditions with these boxes and lies, and no others."""
        return replace(self, placements=tuple(placements), lies=tuple(lies))

    def _require(self, host: str) -> None:
        if host not in self.hosts:
            raise LookupError(host)


class Disaster(Protocol):
    """The one signature of every disaster: conditions in, worse conditions out."""

    def __call__(self, conditions: Conditions) -> Conditions:
        """Let it happen."""
        ...


def peace(topology: Topology) -> Conditions:
    """Give the conditions in which nothing is wrong."""
    return Conditions(
        hosts=frozenset(topology.hosts), links={name: link.profile for name, link in topology.links.items()}
    )
