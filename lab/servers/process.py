"""The process that serves: sockets made inside the hosts' namespaces, answered from one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lab.control import ignore_interrupts, obey
from lab.namespace import entered
from lab.servers import dns, http, web
from lab.servers.certificates import Authority, context_of
from lab.topology import Role
from probe import helper

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from multiprocessing.connection import Connection

    from lab.conditions import Conditions
    from lab.packet import Address
    from lab.topology import Host, Topology

_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Identities:
    """What the schedule of a lab must trust and know."""

    root: bytes
    """The lab's root certificate, DER."""
    helper_key: bytes
    """Ed25519, 32 bytes."""


class Servers:
    """Every server of a topology."""

    def __init__(self, topology: Topology, namespaces: Mapping[str, str], at: datetime) -> None:
        """``namespaces`` has the path to each host's; certificates are valid at ``at`` and now."""
        self._topology = topology
        self._namespaces = namespaces
        self._authority = Authority(at)
        self._helper_key = Ed25519PrivateKey.generate()
        self._leaves = {site.names[0]: self._authority.leaf(site.names) for site in topology.sites if site.is_https}
        zone = dns.zone_of(topology)
        resolvers = topology.hosts_of(Role.RESOLVER, Role.PUBLIC_RESOLVER)
        self._name_servers = {name: dns.NameServer(zone) for name in resolvers}
        self._running: list[Any] = []
        self.identities = Identities(self._authority.root, helper.public_key_of(self._helper_key))

    def apply(self, conditions: Conditions) -> None:
        """Let the resolvers lie as the conditions say."""
        for name, server in self._name_servers.items():
            server.lies = [lie for lie in conditions.lies if lie.resolver == name]

    async def start(self) -> None:
        """Open every socket and begin to serve."""
        for name, host in self._topology.hosts.items():
            if host.role in {Role.RESOLVER, Role.PUBLIC_RESOLVER}:
                await self._serve_names(name, host)
            elif host.role in {Role.WEB, Role.PORTAL}:
                await self._serve_web(name, host)
            elif host.role is Role.HELPER:
                self._serve_helper(name)

    async def _serve_names(self, name: str, host: Host) -> None:
        server = self._name_servers[name]
        for address in host.addresses:
            self._running.append(await dns.listen_udp(self._bound(name, address, 53, socket.SOCK_DGRAM), server))
            self._running.append(await dns.listen_tcp(self._listening(name, address, 53), None, server))
            if host.server_name is not None:
                tls = context_of(self._authority.leaf([host.server_name]))
                self._running.append(await dns.listen_tcp(self._listening(name, address, 853), tls, server))
                listening = self._listening(name, address, 443)
                self._running.append(await http.listen(listening, tls, server.respond))

    async def _serve_web(self, name: str, host: Host) -> None:
        for address in host.addresses:
            sites = [site for site in self._topology.sites if address in site.addresses]
            names = [own for site in sites for own in site.names]
            for port, tls in ((80, None), (443, web.front(sites, self._leaves))):
                if port == 443 and tls is None:
                    continue
                respond = web.respond_with(sites, is_tls=tls is not None)
                if host.role is Role.PORTAL:
                    respond = web.respond_as_portal(names)
                self._running.append(await http.listen(self._listening(name, address, port), tls, respond))

    def _serve_helper(self, name: str) -> None:
        families = {network.version for network in self._topology.hosts[name].answers_for}
        everywhere = [self._any_address(version) for version in sorted(families)]
        plain = [self._listening(name, address, 80) for address in everywhere]
        secure = [self._listening(name, address, 443) for address in everywhere]
        self._running.append(asyncio.create_task(helper.serve(plain, secure, self._helper_key)))

    @staticmethod
    def _any_address(version: int) -> str:
        return "0.0.0.0" if version == 4 else "::"

    def _listening(self, host: str, address: Address | str, port: int) -> socket.socket:
        made = self._bound(host, address, port, socket.SOCK_STREAM)
        made.listen(_BACKLOG)
        return made

    def _bound(self, host: str, address: Address | str, port: int, kind: socket.SocketKind) -> socket.socket:
        family = socket.AF_INET6 if ":" in str(address) else socket.AF_INET
        with entered(self._namespaces[host]):
            made = socket.socket(family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((str(address), port))
        made.setblocking(False)
        return made


def serve(pipe: Connection[Any, Any], topology: Topology, namespaces: Mapping[str, str], at: datetime) -> None:
    """Be the process: say who we are, then obey. Ends with the director."""
    ignore_interrupts()
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_serve(pipe, topology, namespaces, at))


async def _serve(pipe: Connection[Any, Any], topology: Topology, namespaces: Mapping[str, str], at: datetime) -> None:
    servers = Servers(topology, namespaces, at)
    await servers.start()
    pipe.send(servers.identities)

    async def handle(conditions: Conditions) -> bool:
        servers.apply(conditions)
        return True

    await obey(pipe, handle)
