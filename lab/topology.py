"""A topology as data: networks, routers, links, hosts, and the sites that they serve.

:mod:`lab.topology_file` reads it from YAML. How traffic flows is
:mod:`lab.internet`'s; sites are :mod:`lab.site`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Network, IPv6Network

    from lab.link import LinkProfile
    from lab.packet import Address
    from lab.site import Site


class Role(StrEnum):
    """What a host is for."""

    VANTAGE = "vantage"
    SENTINEL = "sentinel"
    RESOLVER = "resolver"
    PUBLIC_RESOLVER = "public-resolver"  # DoT and DoH too
    WEB = "web"
    HELPER = "helper"
    PORTAL = "portal"  # a captive portal's own web server
    PROXY = "proxy"  # answers in the name of whatever address is sent its way


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """An autonomous system: one administration, its prefixes, and the router that answers for the empty ones."""

    asn: str
    country: str
    prefixes: tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A hop."""

    network: str
    addresses: tuple[Address, ...]
    """The public one first; a home gateway has one on its inside as well."""
    inside: tuple[IPv4Network | IPv6Network, ...] = ()
    """Private networks behind it, whose addresses it translates to its own (NAT)."""
    power: str | None = None
    """The power domain that feeds it."""
    battery_s: float = 0.0
    """How long it works without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What joins two nodes."""

    between: tuple[str, str]
    profile: LinkProfile
    cost: int
    """To the routers, which choose the cheapest path, and share flows among paths that cost the same."""
    fibres: tuple[str, ...] = ()
    """The ducts and cables that it runs through, which other links may share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A real kernel with real programs: one network namespace."""

    role: Role
    network: str
    router: str
    addresses: tuple[Address, ...] = ()
    answers_for: tuple[IPv4Network | IPv6Network, ...] = ()
    """Whole networks, every address of which is this host."""
    resolver: str | None = None
    """The host that its ``/etc/resolv.conf`` names."""
    server_name: str | None = None
    """Of a public resolver: the name in its certificate."""
    region: str | None = None
    bearer: str = "fixed"
    delay_ms: float = 1.0
    """Of its link to its router."""
    power: str | None = None
    """The power domain that feeds it."""
    battery_s: float = 0.0
    """How long it works without."""

    @property
    def takes_any_address(self) -> bool:
        """Tell whether it answers for every address, so that packets can be led to it unchanged."""
        return self.role in {Role.PROXY, Role.PORTAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """An Internet that is not running yet."""

    summary: str
    networks: Mapping[str, Network]
    routers: Mapping[str, Router]
    links: Mapping[str, Link]
    """Those between routers, and under ``HOST--ROUTER`` each host's own."""
    hosts: Mapping[str, Host]
    sites: tuple[Site, ...]
    assumed: str | None = None
    """Why what hangs on what in it is not established, where it stands for networks that were."""

    def hosts_of(self, *roles: Role) -> dict[str, Host]:
        """Give the hosts of these roles, in the file's order."""
        return {name: host for name, host in self.hosts.items() if host.role in roles}

    def fibres(self) -> frozenset[str]:
        """Give the names of all ducts and cables."""
        return frozenset(fibre for link in self.links.values() for fibre in link.fibres)

    def powered_by(self, domain: str) -> dict[str, float]:
        """Give every node that a power domain feeds, with how long its battery lasts, in seconds."""
        routers = {name: router.battery_s for name, router in self.routers.items() if router.power == domain}
        return routers | {name: host.battery_s for name, host in self.hosts.items() if host.power == domain}

    def owner_of(self, address: Address) -> str | None:
        """Give the host that answers at an address."""
        for name, host in self.hosts.items():
            if address in host.addresses or any(address in network for network in host.answers_for):
                return name
        return None

    def resolver_addresses(self, host: str) -> tuple[Address, ...]:
        """Give the addresses of the resolver that a host uses."""
        resolver = self.hosts[host].resolver
        return self.hosts[resolver].addresses if resolver else ()


def access_link(host: str, router: str) -> str:
    """Give the name of the link between a host and its router."""
    return f"{host}--{router}"
