"""What boxes read in a flow: the name in it, once its client has sent enough, and whether that is one of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lab.dissect import Question, RequestHead, dns_question, request_head, server_name
from lab.packet import parse_tcp, parse_udp

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.packet import Packet

DNS_PORT: Final = 53


def sni_sent(packet: Packet, flow: Flow) -> str | None:
    """Give the SNI that the client has sent, if this packet is data from the client."""
    return server_name(flow.client_stream()) if _is_client_data(packet, flow) else None


def request_sent(packet: Packet, flow: Flow) -> RequestHead | None:
    """Give the head of the plain HTTP request that the client has sent, if this packet is data from the client."""
    return request_head(flow.client_stream()) if _is_client_data(packet, flow) else None


def question_sent(packet: Packet) -> Question | None:
    """Give the DNS question that a UDP packet asks."""
    datagram = parse_udp(packet)
    if datagram is None or datagram.destination_port != DNS_PORT:
        return None
    return dns_question(datagram.payload)


def _is_client_data(packet: Packet, flow: Flow) -> bool:
    segment = parse_tcp(packet)
    return segment is not None and bool(segment.payload) and flow.is_from_client(packet)
