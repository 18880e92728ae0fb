"""Name servers: a zone of all names for every resolver, and the lies that some of them tell.

UDP, TCP, DoT (RFC 7858) and DoH (RFC 8484). A resolver here knows the whole zone
itself; it asks nobody.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs, urlsplit

import dns.edns
import dns.exception
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from lab.conditions import LieKind
from lab.dissect import NOERROR, NXDOMAIN, RequestHead, dns_answer, dns_question, is_name_under
from lab.servers.http import Answer

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Mapping, Sequence

    from lab.conditions import Lie
    from lab.dissect import Question
    from lab.packet import Address
    from lab.servers.http import Client
    from lab.topology import Host, Topology

_IDLE_S = 10.0
_SERVFAIL = 2
_REFUSED = 5
_CHAOS = dns.rdataclass.CH.to_bytes(2)
_OPT = dns.rdatatype.OPT.to_bytes(2)
_OWN_NAMES = ("id.server", "hostname.bind", "version.bind")  # RFC 4892
_RCODES = {
    LieKind.ADDRESSES: NOERROR,
    LieKind.NXDOMAIN: NXDOMAIN,
    LieKind.SERVFAIL: _SERVFAIL,
    LieKind.REFUSED: _REFUSED,
    LieKind.EMPTY: NOERROR,
}
_MESSAGE_TYPE = "application/dns-message"


def zone_of(topology: Topology, resolver: Host) -> dict[str, tuple[Address, ...]]:
    """Give every name of a topology, with the addresses that one resolver answers.

    Those are the sites' for the resolver's country, and the public resolvers'
    own. Under a "whoami" name it learns its own, as from a zone whose server
    answers with whatever address asked it.
    """
    country = topology.networks[resolver.network].country
    zone = {
        name: resolver.addresses if site.is_whoami else site.by_country.get(country, site.addresses)
        for site in topology.sites
        for name in site.names
    }
    zone |= {host.server_name: host.addresses for host in topology.hosts.values() if host.server_name}
    return zone


@dataclass(slots=True)
class NameServer:
    """One resolver. Its lies may change while it runs."""

    zone: Mapping[str, Sequence[Address]]
    lies: Sequence[Lie] = ()
    own_name: str | None = None
    """What it calls itself to whoever asks; without one it refuses to say, as most operators' resolvers do."""

    def answer(self, query: bytes) -> bytes | None:
        """Answer one DNS message; ``None`` for what is no query."""
        question = dns_question(query)
        if question is None:
            return None
        if question.section.endswith(_CHAOS):
            return self._about_itself(query, question.name)
        answer = self._of_zone(question)
        return self._signed(answer, query) if self.own_name is not None and _OPT in query else answer

    def _of_zone(self, question: Question) -> bytes:
        for lie in self.lies:
            if is_name_under(question.name, lie.names):
                return dns_answer(question, lie.addresses, rcode=_RCODES[lie.kind])
        if question.name not in self.zone:
            return dns_answer(question, (), rcode=NXDOMAIN)
        return dns_answer(question, self.zone[question.name])

    def _about_itself(self, query: bytes, name: str) -> bytes | None:
        try:
            answer = dns.message.make_response(dns.message.from_wire(query))
        except dns.exception.DNSException:
            return None
        if self.own_name is not None and name in _OWN_NAMES:
            answer.answer.append(dns.rrset.from_text(name + ".", 0, "CH", "TXT", self.own_name))
        else:
            answer.set_rcode(dns.rcode.REFUSED)
        return answer.to_wire()

    def _signed(self, answer: bytes, query: bytes) -> bytes:
        """Say in an answer who gave it, where that was asked for (NSID, RFC 5001)."""
        try:
            asked = dns.message.from_wire(query)
        except dns.exception.DNSException:
            return answer
        if self.own_name is None or not any(option.otype == dns.edns.NSID for option in asked.options):
            return answer
        told = dns.message.from_wire(answer)
        told.use_edns(0, options=[dns.edns.NSIDOption(self.own_name.encode())])
        return told.to_wire()

    def respond(self, head: RequestHead, body: bytes, client: Client) -> Answer:
        """Answer one DoH request, by GET or POST."""
        del client  # everybody alike
        query = body
        if head.method == "GET":
            encoded = parse_qs(urlsplit(head.path).query).get("dns", [""])[0]
            try:
                query = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except (binascii.Error, ValueError):
                query = b""
        message = self.answer(query)
        if message is None:
            return Answer(400)
        return Answer(200, message, _MESSAGE_TYPE)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the messages of one TCP or TLS connection."""
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_IDLE_S):
                while message := self.answer(await _message(reader)):
                    writer.write(len(message).to_bytes(2, "big") + message)
                    await writer.drain()
        writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = self._answer(data)
        if message is not None:
            self._transport.sendto(message, addr)

    def error_received(self, exc: Exception) -> None:
        """Take no notice: an ICMP error about an answer concerns nobody here."""


async def listen_udp(listening: socket.socket, server: NameServer) -> asyncio.BaseTransport:
    """Answer on a bound UDP socket."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server.answer), sock=listening)
    return transport


async def listen_tcp(listening: socket.socket, tls: ssl.SSLContext | None, server: NameServer) -> asyncio.Server:
    """Answer on a listening socket, over TLS where a context is given."""
    return await asyncio.start_server(server.converse, sock=listening, ssl=tls)
