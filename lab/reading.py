"""What boxes read in a single packet: the question of a DNS query. What stands in a flow is :mod:`lab.match`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.dissect import Question, dns_question
from lab.packet import parse_udp

if TYPE_CHECKING:
    from lab.packet import Packet

DNS_PORT: Final = 53


def question_sent(packet: Packet) -> Question | None:
    """Give the DNS question that a UDP packet asks."""
    datagram = parse_udp(packet)
    if datagram is None or datagram.destination_port != DNS_PORT:
        return None
    return dns_question(datagram.payload)
