"""The process that serves: sockets made inside the hosts' namespaces, answered from one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lab.control import ignore_interrupts, obey
from lab.namespace import entered
from lab.servers import dns, http, web
from lab.servers.certificates import Authority, Chains
from lab.servers.clients import client_finder
from lab.servers.forging import Forger
from lab.servers.proxy import Proxy, dial_from, serve_proxy
from lab.topology import Role
from lab.tun import speak_for_any
from probe import helper

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from multiprocessing.connection import Connection

    from lab.conditions import Conditions
    from lab.packet import Address
    from lab.site import Site
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

    def __init__(self, topology: Topology, namespaces: Mapping[str, str], at: datetime, seed: int) -> None:
        """``namespaces`` has the path to each host's; certificates are valid at ``at`` and now."""
        self._topology = topology
        self._namespaces = namespaces
        authority = Authority(at)
        self._chains = Chains(authority)
        self._helper_key = Ed25519PrivateKey.generate()
        self._web = web.Web(topology.sites)
        self._find_client = client_finder(topology.networks, random.Random(f"{seed}/servers"))
        resolvers = topology.hosts_of(Role.RESOLVER, Role.PUBLIC_RESOLVER)
        self._name_servers = {
            name: dns.NameServer(
                dns.zone_of(topology, host), own_name=f"res1.{host.server_name}" if host.server_name else None
            )
            for name, host in resolvers.items()
        }
        forger = Forger(at)
        self._proxies = {
            name: Proxy(name, dial_from(namespaces[name], {str(address) for address in host.addresses}), forger)
            for name, host in topology.hosts_of(Role.PROXY).items()
        }
        self._running: list[Any] = []
        self.identities = Identities(authority.root, helper.public_key_of(self._helper_key))

    def apply(self, conditions: Conditions) -> None:
        """Let the resolvers lie, the sites refuse and the proxies read along as the conditions say."""
        self._web.refusals = {
            placed.site: [other.refusal for other in conditions.refusals if other.site == placed.site]
            for placed in conditions.refusals
        }
        for name, server in self._name_servers.items():
            server.lies = [lie for lie in conditions.lies if lie.resolver == name]
        for proxy in self._proxies.values():
            proxy.apply(conditions.placements)

    async def start(self) -> None:
        """Open every socket and begin to serve."""
        for name, host in self._topology.hosts.items():
            if host.role in {Role.RESOLVER, Role.PUBLIC_RESOLVER}:
                await self._serve_names(name, host)
            elif host.role is Role.WEB:
                await self._serve_web(name, host)
            elif host.role is Role.PORTAL:
                await self._serve_portal(name, host)
            elif host.role is Role.PROXY:
                await self._serve_proxy(name, host)
            elif host.role is Role.HELPER:
                self._serve_helper(name)

    async def _serve_names(self, name: str, host: Host) -> None:
        server = self._name_servers[name]
        for address in host.addresses:
            self._running.append(await dns.listen_udp(self._bound(name, address, 53, socket.SOCK_DGRAM), server))
            self._running.append(await dns.listen_tcp(self._listening(name, address, 53), None, server))
            if host.server_name is not None:
                tls = self._chains.front([(host.server_name,)])
                self._running.append(await dns.listen_tcp(self._listening(name, address, 853), tls, server))
                await self._listen_http(name, address, 443, tls, server.respond)

    async def _serve_web(self, name: str, host: Host) -> None:
        for address in host.addresses:
            sites = self._web.sites_at(address)
            await self._listen_http(name, address, 80, None, self._web.respond_with(sites, is_secure=False))
            if certified := [site.names for site in sites if site.is_https]:
                secure = self._web.respond_with(sites, is_secure=True)
                await self._listen_http(name, address, 443, self._chains.front(certified), secure)
            if fast := [site for site in sites if site.is_http3]:
                await self._listen_quic(name, address, fast)

    async def _serve_portal(self, name: str, host: Host) -> None:
        sites = [site for address in host.addresses for site in self._web.sites_at(address)]
        respond = web.respond_as_portal([own for site in sites for own in site.names])
        for everywhere in self._any_address({address.version for address in host.addresses}):
            await self._listen_http(name, everywhere, 80, None, respond)
            if certified := [site.names for site in sites if site.is_https]:
                await self._listen_http(name, everywhere, 443, self._chains.front(certified), respond)

    async def _serve_proxy(self, name: str, host: Host) -> None:
        everywhere = self._any_address({address.version for address in host.addresses})
        plain, secure = ([self._listening(name, address, port) for address in everywhere] for port in (80, 443))
        self._running += await serve_proxy(self._proxies[name], plain, secure)

    async def _listen_http(
        self, host: str, address: Address | str, port: int, tls: ssl.SSLContext | None, respond: http.Respond
    ) -> None:
        listening = self._listening(host, address, port)
        self._running.append(await http.listen(listening, tls, respond, self._find_client))

    async def _listen_quic(self, host: str, address: Address, sites: Sequence[Site]) -> None:
        from lab.servers import quic  # its library is large, and few topologies have such sites

        listening = self._bound(host, address, 443, socket.SOCK_DGRAM)
        pem = self._chains.pem(tuple(own for site in sites for own in site.names))
        respond = self._web.respond_with(sites, is_secure=True)
        self._running.append(await quic.listen(listening, pem, respond, self._find_client))

    def _serve_helper(self, name: str) -> None:
        everywhere = self._any_address({network.version for network in self._topology.hosts[name].answers_for})
        plain = [self._listening(name, address, 80) for address in everywhere]
        secure = [self._listening(name, address, 443) for address in everywhere]
        fast = [self._bound(name, address, 443, socket.SOCK_DGRAM) for address in everywhere]
        names = [self._bound(name, address, 53, socket.SOCK_DGRAM) for address in everywhere]
        sockets = helper.Sockets(http=plain, https=secure, quic=fast, dns=names)
        self._running.append(asyncio.create_task(helper.serve(sockets, self._helper_key)))

    @staticmethod
    def _any_address(versions: set[int]) -> list[str]:
        return ["0.0.0.0" if version == 4 else "::" for version in sorted(versions)]

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
        if self._topology.hosts[host].takes_any_address:
            speak_for_any(made)
        made.bind((str(address), port))
        made.setblocking(False)
        return made


def serve(
    pipe: Connection[Any, Any], topology: Topology, namespaces: Mapping[str, str], at: datetime, seed: int
) -> None:
    """Be the process: once told that the hosts have their addresses, serve and say who we are; then obey.

    Ends with the director.
    """
    ignore_interrupts()
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_serve(pipe, topology, namespaces, at, seed))


async def _serve(
    pipe: Connection[Any, Any], topology: Topology, namespaces: Mapping[str, str], at: datetime, seed: int
) -> None:
    servers = Servers(topology, namespaces, at, seed)
    pipe.recv()
    await servers.start()
    pipe.send(servers.identities)

    async def handle(conditions: Conditions) -> bool:
        servers.apply(conditions)
        return True

    await obey(pipe, handle)
