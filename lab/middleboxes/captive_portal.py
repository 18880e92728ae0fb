"""A captive portal at a home gateway: every name is the portal, which answers HTTP and TLS; all else is refused.

DNS queries are answered with the portal's address. Connections to ports 80 and
443 of any IPv4 address are carried to the portal, which answers in that
address's name; of TLS the guest sees the portal's own certificate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.dissect import dns_answer
from lab.inject import answer_instead
from lab.packet import parse_tcp, readdressed, reset_for
from lab.reading import question_sent
from lab.yaml_values import ADDRESS, PREFIX
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from lab.flow import Flow
    from lab.packet import Address, Packet

_WEB_PORTS = (80, 443)
_TTL_S = 1  # so that guests ask again once they are let in


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptivePortal:
    """The box. ``portal`` is the host that serves its pages, ``guests`` are those it holds back."""

    portal: Address
    guests: tuple[IPv4Network | IPv6Network, ...]
    _meant_for: dict[tuple[Address, int], Address] = field(default_factory=dict, init=False)
    """Where each guest's connection was going, by the guest's address and port."""

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        del flow  # one side of a redirected conversation has other addresses than the other
        if packet.source == self.portal:
            return [self._in_the_name_of_another(packet)]
        if not any(packet.source in network for network in self.guests):
            return [packet]
        if packet.destination == self.portal or packet.hop_limit <= 1:  # the gateway itself says that it ran out
            return [packet]
        question = question_sent(packet)
        if question is not None:
            return answer_instead(packet, dns_answer(question, [self.portal], ttl_s=_TTL_S))
        segment = parse_tcp(packet)
        if segment is None:
            return []
        if segment.destination_port in _WEB_PORTS and packet.version == self.portal.version:
            self._meant_for[packet.source, segment.source_port] = packet.destination
            return [readdressed(packet, destination=self.portal)]
        refusal = reset_for(packet)
        return [refusal] if refusal else []

    def _in_the_name_of_another(self, packet: Packet) -> Packet:
        segment = parse_tcp(packet)
        if segment is None:
            return packet
        meant_for = self._meant_for.get((packet.destination, segment.destination_port))
        return packet if meant_for is None else readdressed(packet, source=meant_for)


RECORD = Record(CaptivePortal, {"portal": required(ADDRESS), "guests": required(ListOf(PREFIX, at_least=1))})
