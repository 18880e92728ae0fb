"""Reads a topology from YAML and checks that its names and addresses fit together.

Addresses must be ones that the real Internet would route, because a probe
refuses to dial any other; they never leave the lab. Only what stands behind a
gateway that translates has private ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.link import QUEUE_BYTES, LinkProfile
from lab.routing import next_hops
from lab.site_file import sites
from lab.topology import Host, Link, Network, Role, Router, Topology, access_link
from lab.yaml_values import ADDRESS, LABEL, PREFIX, names_in
from probe.errors import UserError
from probe.schedule.names import HOST_NAME
from probe.schedule.yaml_reader import ListOf, MapOf, Record, UnfitError, optional, read, required
from probe.schedule.yaml_scalars import duration, integer, matching, number, one_of, scalar, text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Network, IPv6Network

    from lab.packet import Address
    from lab.site import Site

TOPOLOGIES: Final = Path(__file__).parent / "topologies"

NETWORK: Final = Record(
    Network,
    {
        "asn": required(matching(r"AS[1-9][0-9]{0,9}", "an autonomous system such as AS64496")),
        "country": required(matching(r"[A-Z]{2}", "a country as two capital letters")),
        "prefixes": required(ListOf(PREFIX, at_least=1)),
    },
)

POWER_KEYS: Final[Mapping[str, Any]] = {
    "power": optional(LABEL),
    "battery": optional(duration("1s", "30d"), into="battery_s"),
}

ROUTER: Final = Record(
    Router,
    {
        "network": required(LABEL),
        "addresses": required(ListOf(ADDRESS, at_least=1, at_most=3)),
        "inside": optional(ListOf(PREFIX, at_least=1)),
        **POWER_KEYS,
    },
)

MICROSECONDS_PER_MS: Final = 1000
"""A link that says no cost has its delay as its cost, so that the nearest path is chosen."""


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
    cost: int | None = None,
    fibres: tuple[str, ...] = (),
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
    if cost is None:
        cost = round(delay_ms * MICROSECONDS_PER_MS)
    return Link(between=between, profile=profile, cost=cost, fibres=fibres)


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
        "cost": optional(integer(1, 1_000_000_000)),
        "fibres": optional(ListOf(LABEL, at_least=1)),
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
        **POWER_KEYS,
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
    assumed: str | None = None,
) -> Topology:
    named = {access_link(*link.between): link for link in links}
    pairs = {frozenset(link.between) for link in links}
    if len(pairs) < len(links):
        raise UnfitError("links", "each pair of nodes once")
    if any(len(pair) == 1 for pair in pairs):
        raise UnfitError("links", "two different ends of each")
    for name, host in hosts.items():
        profile = LinkProfile(delay_s=host.delay_ms / 1000)
        cost = round(host.delay_ms * MICROSECONDS_PER_MS)
        named[access_link(name, host.router)] = Link(between=(name, host.router), profile=profile, cost=cost)
    topology = Topology(
        summary=summary, networks=networks, routers=routers, links=named, hosts=hosts, sites=sites, assumed=assumed
    )
    _check_names(topology)
    _check_connected(topology)
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


def _check_connected(topology: Topology) -> None:
    nodes = [*topology.routers, *topology.hosts]
    reached = next_hops({link.between: link.cost for link in topology.links.values()}, nodes[0]).keys() | {nodes[0]}
    for node in nodes:
        if node not in reached:
            raise UnfitError("links", f"a way from {nodes[0]} to {node}")


def _check_addresses(topology: Topology) -> None:
    seen: set[Address] = set()
    inside: list[IPv4Network | IPv6Network] = []
    for name, router in topology.routers.items():
        for private in router.inside:
            if not private.is_private or any(private.overlaps(other) for other in inside):
                raise UnfitError("routers", f"a private network inside {name} that no other has (not {private})")
            inside.append(private)
        first = next((address for address in router.addresses if address.version == 4), None)
        if any(private.version == 4 for private in router.inside) and (first is None or not first.is_global):
            raise UnfitError("routers", f"a public IPv4 address of {name}, the first of its own, to translate to")
        _check_node("routers", name, router, router, topology.networks, seen)
    for name, host in topology.hosts.items():
        _check_node("hosts", name, host, topology.routers[host.router], topology.networks, seen)
    for site in topology.sites:
        for address in site.everywhere:
            if topology.owner_of(address) is None:
                raise UnfitError("sites", f"addresses of hosts for {site.names[0]} (not {address})")


def _check_node(
    key: str, name: str, node: Router | Host, gateway: Router, networks: Mapping[str, Network], seen: set[Address]
) -> None:
    for address in node.addresses:
        if not any(address in private for private in gateway.inside):
            if not address.is_global:
                raise UnfitError(key, f"an address for {name} that the Internet would route (not {address})")
            if not any(address in prefix for prefix in networks[node.network].prefixes):
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
        "sites": optional(sites),
        "assumed": optional(text(300)),
    },
)


def load(name: str, *, beside: Path | None = None) -> Topology:
    """Read a topology: by its name, or a ``.yaml`` file by its path from the folder ``beside``. Raises UserError."""
    if name.endswith(".yaml"):
        return read((beside or Path()) / name, TOPOLOGY)
    path = TOPOLOGIES / f"{name}.yaml"
    if not path.is_file():
        raise UserError(
            f"there is no topology {name!r}: choose one of {', '.join(names_in(TOPOLOGIES))}, or give a .yaml file"
        )
    return read(path, TOPOLOGY)
