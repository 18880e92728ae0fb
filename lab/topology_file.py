"""Reads a topology from YAML and checks that its names and addresses fit together.

Addresses must be ones that the real Internet would route, because a probe
refuses to dial any other; they never leave the lab.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.link import QUEUE_BYTES, LinkProfile
from lab.topology import Host, Link, Network, Page, Role, Router, Site, Topology, access_link
from lab.yaml_values import ADDRESS, LABEL, PREFIX, names_in
from probe.errors import UserError
from probe.schedule.names import HOST_NAME
from probe.schedule.yaml_reader import ListOf, MapOf, Record, UnfitError, optional, read, required
from probe.schedule.yaml_scalars import boolean, integer, matching, number, one_of, scalar, text

if TYPE_CHECKING:
    from lab.packet import Address

TOPOLOGIES: Final = Path(__file__).parent / "topologies"

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
        raise UserError(f"there is no topology {name!r}: choose one of {', '.join(names_in(TOPOLOGIES))}")
    return read(path, TOPOLOGY)
