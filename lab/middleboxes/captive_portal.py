"""A captive portal at a home gateway: every name is the portal, which answers HTTP and TLS; all else is refused.

DNS queries are answered with the portal's address. Connections to ports 80 and
443 of any address are handed to the portal, a host of that role, which answers
in that address's name; of TLS the guest sees the portal's own certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from lab.dissect import dns_answer
from lab.divert import diverted
from lab.inject import answer_instead
from lab.packet import reset_for
from lab.reading import question_sent
from lab.yaml_values import ADDRESS, LABEL, PREFIX
from probe.schedule.yaml_reader import ListOf, Record, required

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from lab.flow import Flow
    from lab.packet import Address, Packet

_PORTS: Final = (80, 443)
_TTL_S: Final = 1  # so that guests ask again once they are let in


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptivePortal:
    """The box. ``guests`` are those it holds back; it has nothing for those of the other IP version than its own."""

    needs_path: ClassVar[bool] = True
    portal: str
    address: Address
    """Of the portal, in DNS."""
    guests: tuple[IPv4Network | IPv6Network, ...]

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        del flow
        if not any(packet.source in network for network in self.guests) or packet.source == self.address:
            return [packet]
        if packet.destination == self.address or packet.hop_limit <= 1:  # the gateway itself says that it ran out
            return [packet]
        question = question_sent(packet)
        if question is not None:
            return answer_instead(packet, dns_answer(question, [self.address], ttl_s=_TTL_S))
        taken = diverted(packet, self.portal, _PORTS) if packet.version == self.address.version else None
        answer = taken or reset_for(packet)
        return [answer] if answer else []


RECORD = Record(
    CaptivePortal,
    {"portal": required(LABEL), "address": required(ADDRESS), "guests": required(ListOf(PREFIX, at_least=1))},
)
