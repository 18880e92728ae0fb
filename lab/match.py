"""What a middlebox looks for in a packet: a name in TLS, HTTP or QUIC, a path, a keyword, an address, a port.

Every box that acts on something chosen has a :class:`Match` and reads it from the
same keys, so that each thing that can be read goes with each thing that can be
done. Lists of names are alternatives; addresses, ports and protocol narrow them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lab.dissect import is_name_under, request_head, server_name
from lab.packet import TCP, UDP, Packet, carries_data, parse_tcp, parse_udp
from lab.quic_initial import server_name_in
from lab.yaml_values import NAMES, PREFIX
from probe.schedule.yaml_reader import ListOf, Record, UnfitError, optional
from probe.schedule.yaml_scalars import boolean, integer, one_of, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ipaddress import IPv4Network, IPv6Network

    from lab.flow import Flow

QUIC_PORT: Final = 443
_PROTOCOLS: Final = {"tcp": TCP, "udp": UDP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What is looked for. Without anything, every packet is met."""

    sni: tuple[str, ...] = ()
    """Domains, with their subdomains, in the TLS ClientHello (RFC 6066)."""
    host: tuple[str, ...] = ()
    """Domains, with their subdomains, in the Host header of plain HTTP."""
    path: tuple[str, ...] = ()
    """Pieces of the path of plain HTTP, its query included."""
    keyword: tuple[str, ...] = ()
    """Pieces of whatever the client sends by TCP."""
    quic_sni: tuple[str, ...] = ()
    """Domains, with their subdomains, in QUIC Initial packets (RFC 9001)."""
    is_reassembling: bool = True
    """Whether keywords that are split over segments are found."""
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    ports: tuple[int, ...] = ()
    """Of the flow's server."""
    protocol: str | None = None

    def __call__(self, packet: Packet, flow: Flow) -> bool:
        """Tell whether this packet is met. Of names, that is the one that completes what has to be read."""
        if self.addresses and not any(
            end in network for network in self.addresses for end in (packet.source, packet.destination)
        ):
            return False
        if self.ports and flow.server[1] not in self.ports:
            return False
        if self.protocol is not None and packet.protocol != _PROTOCOLS[self.protocol]:
            return False
        return not self.reads_content or self._is_content_met(packet, flow)

    def end(self, packet: Packet, flow: Flow, forge: Callable[[Packet], list[Packet]]) -> list[Packet]:
        """Let a flow pass until it is met; then put what is forged in its place, and nothing of it any more."""
        if flow.is_condemned:
            return []
        if not self(packet, flow):
            return [packet]
        flow.is_condemned = True
        return forge(packet)

    @property
    def reads_content(self) -> bool:
        """Tell whether it looks into what is sent, and not only at where it goes."""
        return bool(self.sni or self.host or self.path or self.keyword or self.quic_sni)

    def _is_content_met(self, packet: Packet, flow: Flow) -> bool:
        if not flow.is_from_client(packet):
            return False
        if packet.protocol == UDP:
            return bool(self.quic_sni) and self._is_quic_met(packet, flow)
        if not carries_data(packet):
            return False
        if self.sni:
            name = flow.read(server_name)
            if name is not None and is_name_under(name, self.sni):
                return True
        if self.host or self.path:
            head = flow.read(request_head)
            if head is not None and (
                is_name_under(head.host or "", self.host) or any(piece in head.path for piece in self.path)
            ):
                return True
        if not self.keyword:
            return False
        if self.is_reassembling:
            return flow.read(self._has_keyword)
        segment = parse_tcp(packet)
        return segment is not None and self._has_keyword(segment.payload)

    def _has_keyword(self, sent: bytes) -> bool:
        return any(piece.encode() in sent for piece in self.keyword)

    def _is_quic_met(self, packet: Packet, flow: Flow) -> bool:
        datagram = parse_udp(packet)
        if datagram is None or datagram.destination_port != QUIC_PORT:
            return False
        name = server_name_in(flow.client_datagrams())
        return name is not None and is_name_under(name, self.quic_sni)


_KEYS: Final[Mapping[str, Any]] = {
    "sni": optional(NAMES),
    "host": optional(NAMES),
    "path": optional(ListOf(text(100), at_least=1)),
    "keyword": optional(ListOf(text(100), at_least=1)),
    "quic_sni": optional(NAMES),
    "reassembles": optional(boolean, into="is_reassembling"),
    "addresses": optional(ListOf(PREFIX, at_least=1)),
    "ports": optional(ListOf(integer(1, 65535), at_least=1)),
    "protocol": optional(one_of(*_PROTOCOLS)),
}


def matching(make: Callable[..., Any], keys: Mapping[str, Any] | None = None) -> Record[Any]:
    """Give the record of a box that is made with ``match`` and the values of ``keys``; it must look for something."""
    names = {"is_reassembling", *_KEYS}

    def build(**values: Any) -> Any:
        wanted = {name: values.pop(name) for name in names & values.keys()}
        if not wanted.keys() - {"is_reassembling"}:
            raise UnfitError("sni", f"something to look for: {', '.join(key for key in _KEYS if key != 'reassembles')}")
        return make(match=Match(**wanted), **values)

    return Record(build, {**_KEYS, **(keys or {})})
