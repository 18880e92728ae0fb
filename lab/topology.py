"""A topology as data: networks, routers, links, hosts, and the sites that they serve.

:func:`load` reads ``lab/topologies/*.yaml`` (or any file) and checks that names
and addresses fit together. Addresses are ones that the real Internet would
route, because a probe refuses to dial any other; they never leave the lab.

How traffic flows is :mod:`lab.internet`'s, how a site answers
:mod:`lab.servers`'.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.link import QUEUE_BYTES, LinkProfile
from lab.packet import Address  # noqa: TC001 - an alias that stands beside two classes that are used at run time
from probe.errors import UserError
from probe.schedule.names import HOST_NAME
from probe.schedule.yaml_reader import ListOf, MapOf, Record, UnfitError, optional, read, required
from probe.schedule.yaml_scalars import boolean, integer, matching, number, one_of, scalar, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from probe.schedule.yaml_reader import Parser

TOPOLOGIES: Final = Path(__file__).parent / "topologies"

LABEL: Final = matching(r"[a-z0-9][a-z0-9-]{0,39}", "a name of small letters, digits and - (at most 40)")

LINK_NAME: Final = matching(r"[a-z0-9-]{1,40}--[a-z0-9-]{1,40}", "the two ends of a link, as core-a--gateway")


class Role(StrEnum):
    """What a host is for."""

    VANTAGE = "vantage"
    SENTINEL = "sentinel"
    RESOLVER = "resolver"
    PUBLIC_RESOLVER = "public-resolver"  # DoT and DoH too
    WEB = "web"
    HELPER = "helper"
    PORTAL = "portal"  # a captive portal's own web server


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What joins two nodes."""

    between: tuple[str, str]
    profile: LinkProfile


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a site."""

    title: str
    body: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Names that answer alike, and where."""

    names: tuple[str, ...]
    addresses: tuple[Address, ...]
    title: str
    body: str = ""
    is_https: bool = True
    is_http_redirected: bool = True
    """Whether plain HTTP leads to https; otherwise it serves the same pages."""
    pages: Mapping[str, Page] = field(default_factory=dict)
    """By path and query; every other path has the site's own title and body."""


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

    def hosts_of(self, *roles: Role) -> dict[str, Host]:
        """Give the hosts of these roles, in the file's order."""
        return {name: host for name, host in self.hosts.items() if host.role in roles}

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


# ---------------------------------------------------------------- the file


ADDRESS: Final[Parser[Address]] = scalar(ip_address, "an IP address")
PREFIX: Final[Parser[IPv4Network | IPv6Network]] = scalar(ip_network, "a network such as 5.1.0.0/16")

NETWORK: Final = Record(
    Network,
    {
        "asn": required(matching(r"AS[1-9][0-9]{0,9}", "an autonomous system such as AS64496")),
        "country": required(matching(r"[A-Z]{2}", "a country as two capital letters")),
        "prefixes": required(ListOf(PREFIX, at_least=1)),
    },
)

ROUTER: Final = Record(
    Router, {"network": required(LABEL), "addresses": required(ListOf(ADDRESS, at_least=1, at_most=2))}
)


def _link(
    *,
    between: tuple[str, str],
    delay_ms: float = 1.0,
    jitter_ms: float = 0.0,
    rate_mbit_s: float | None = None,
    queue_bytes: int = QUEUE_BYTES,
    loss: float = 0.0,
    loss_burst_packets: float | None = None,
    mtu: int = 1500,
) -> Link:
    profile = LinkProfile(
        delay_s=delay_ms / 1000,
        jitter_s=jitter_ms / 1000,
        rate_bit_s=None if rate_mbit_s is None else rate_mbit_s * 1_000_000,
        queue_bytes=queue_bytes,
        loss=loss,
        loss_burst_packets=loss_burst_packets,
        mtu=mtu,
    )
    return Link(between=between, profile=profile)


LINK: Final = Record(
    _link,
    {
        "between": required(ListOf(LABEL, at_least=2, at_most=2)),
        "delay_ms": optional(number(0, 2000)),
        "jitter_ms": optional(number(0, 1000)),
        "rate_mbit_s": optional(number(0.01, 10_000)),
        "queue_bytes": optional(integer(1500, 10_000_000)),
        "loss": optional(number(0, 0.95)),
        "loss_burst_packets": optional(number(1, 1000)),
        "mtu": optional(integer(1280, 9000)),
    },
)

HOST: Final = Record(
    Host,
    {
        "role": required(scalar(Role, f"one of {', '.join(Role)}")),
        "network": required(LABEL),
        "router": required(LABEL),
        "addresses": optional(ListOf(ADDRESS)),
        "answers_for": optional(ListOf(PREFIX)),
        "resolver": optional(LABEL),
        "server_name": optional(HOST_NAME),
        "region": optional(text(64)),
        "bearer": optional(one_of("fixed", "mobile", "satellite", "unknown")),
        "delay_ms": optional(number(0, 2000)),
    },
)

PAGE: Final = Record(
    Page,
    {
        "title": required(text(200)),
        "body": optional(text(4000)),
        "status": optional(integer(200, 599)),
    },
    line="title",
)

SITE: Final = Record(
    Site,
    {
        "names": required(ListOf(HOST_NAME, at_least=1)),
        "addresses": required(ListOf(ADDRESS, at_least=1)),
        "title": required(text(200)),
        "body": optional(text(4000)),
        "https": optional(boolean, into="is_https"),
        "http_redirected": optional(boolean, into="is_http_redirected"),
        "pages": optional(MapOf(matching(r"/[!-~]*", "a path that begins with /"), PAGE)),
    },
)


def _topology(
    *,
    summary: str,
    networks: dict[str, Network],
    routers: dict[str, Router],
    links: tuple[Link, ...],
    hosts: dict[str, Host],
    sites: tuple[Site, ...],
) -> Topology:
    named = {access_link(*link.between): link for link in links}
    for name, host in hosts.items():
        profile = LinkProfile(delay_s=host.delay_ms / 1000)
        named[access_link(name, host.router)] = Link(between=(name, host.router), profile=profile)
    topology = Topology(summary=summary, networks=networks, routers=routers, links=named, hosts=hosts, sites=sites)
    _check_names(topology)
    _check_addresses(topology)
    return topology


def _check_names(topology: Topology) -> None:
    for key, nodes in (("routers", topology.routers), ("hosts", topology.hosts)):
        for name, node in nodes.items():
            if node.network not in topology.networks:
                raise UnfitError(key, f"a network of this file for {name} (not {node.network})")
    for name, host in topology.hosts.items():
        if host.router not in topology.routers:
            raise UnfitError("hosts", f"a router of this file for {name} (not {host.router})")
        if host.resolver is not None and host.resolver not in topology.hosts:
            raise UnfitError("hosts", f"a host of this file as the resolver of {name} (not {host.resolver})")
        if host.role is Role.PUBLIC_RESOLVER and host.server_name is None:
            raise UnfitError("hosts", f"a server_name for {name}, whose role is {host.role}")
    for link in topology.links.values():
        for end in link.between:
            if end not in topology.routers and end not in topology.hosts:
                raise UnfitError("links", f"routers of this file (not {end})")
    if both := topology.routers.keys() & topology.hosts.keys():
        raise UnfitError("hosts", f"names that no router has (not {min(both)})")


def _check_addresses(topology: Topology) -> None:
    seen: set[Address] = set()
    for key, nodes in (("routers", topology.routers), ("hosts", topology.hosts)):
        for name, node in nodes.items():
            for address in node.addresses:
                _check_address(key, name, address, topology.networks[node.network], seen)
    for site in topology.sites:
        for address in site.addresses:
            if topology.owner_of(address) is None:
                raise UnfitError("sites", f"addresses of hosts for {site.names[0]} (not {address})")


def _check_address(key: str, name: str, address: Address, network: Network, seen: set[Address]) -> None:
    if not address.is_global:
        raise UnfitError(key, f"an address for {name} that the Internet would route (not {address})")
    if not any(address in prefix for prefix in network.prefixes):
        raise UnfitError(key, f"an address for {name} in its own network's prefixes (not {address})")
    if address in seen:
        raise UnfitError(key, f"an address for {name} that nobody else has (not {address})")
    seen.add(address)


TOPOLOGY: Final = Record(
    _topology,
    {
        "summary": required(text(300)),
        "networks": required(MapOf(LABEL, NETWORK, at_least=1)),
        "routers": required(MapOf(LABEL, ROUTER, at_least=1)),
        "links": required(ListOf(LINK)),
        "hosts": required(MapOf(LABEL, HOST, at_least=1)),
        "sites": optional(ListOf(SITE)),
    },
)


def load(name: str) -> Topology:
    """Read the topology called ``name`` in ``lab/topologies``. Raises UserError."""
    path = TOPOLOGIES / f"{name}.yaml"
    if not path.is_file():
        raise UserError(f"there is no topology {name!r}: choose one of {', '.join(names(TOPOLOGIES))}")
    return read(path, TOPOLOGY)


def names(folder: Path) -> list[str]:
    """Give the names of the YAML files in a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def describe(addresses: Iterable[Address]) -> str:
    """Give addresses in one line, for people."""
    return ", ".join(str(address) for address in addresses)
