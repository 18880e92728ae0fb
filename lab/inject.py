"""What boxes forge: resets to both ends, a page in the server's name, a DNS answer in the resolver's."""

from __future__ import annotations

from lab.packet import ACK, FIN, PSH, RST, Packet, Tcp, Udp, parse_tcp, parse_udp, reset_for, tcp_packet, udp_packet


def resets(packet: Packet) -> list[Packet]:
    """Forge a reset to the sender of a TCP packet, as its receiver, and one to the receiver, as its sender.

    Their sequence numbers are right if the packet itself is dropped.
    """
    back = reset_for(packet)
    segment = parse_tcp(packet)
    if back is None or segment is None:
        return []
    onward = Tcp(
        source_port=segment.source_port,
        destination_port=segment.destination_port,
        sequence=segment.sequence,
        acknowledgement=segment.acknowledgement,
        flags=RST | ACK,
        window=0,
    )
    return [back, tcp_packet(packet.source, packet.destination, onward)]


def answer_and_reset(packet: Packet, response: bytes) -> list[Packet]:
    """Forge a server's last words to a client, and a reset to the server; the response fits one segment."""
    segment = parse_tcp(packet)
    if segment is None:
        return []
    forged = Tcp(
        source_port=segment.destination_port,
        destination_port=segment.source_port,
        sequence=segment.acknowledgement,
        acknowledgement=segment.sequence + len(segment.payload),
        flags=PSH | ACK | FIN,
        payload=response,
    )
    return [tcp_packet(packet.destination, packet.source, forged), *resets(packet)[1:]]


def closes(packet: Packet) -> list[Packet]:
    """Forge the end of the stream to both ends of a TCP packet, as if each had come from the other."""
    segment = parse_tcp(packet)
    if segment is None:
        return []
    back = Tcp(
        source_port=segment.destination_port,
        destination_port=segment.source_port,
        sequence=segment.acknowledgement,
        acknowledgement=segment.sequence + segment.sequence_length,
        flags=FIN | ACK,
    )
    onward = Tcp(
        source_port=segment.source_port,
        destination_port=segment.destination_port,
        sequence=segment.sequence,
        acknowledgement=segment.acknowledgement,
        flags=FIN | ACK,
    )
    return [
        tcp_packet(packet.destination, packet.source, back),
        tcp_packet(packet.source, packet.destination, onward),
    ]


def answer_instead(packet: Packet, message: bytes) -> list[Packet]:
    """Forge a resolver's answer to the DNS query in a UDP packet."""
    datagram = parse_udp(packet)
    if datagram is None:
        return []
    forged = Udp(source_port=datagram.destination_port, destination_port=datagram.source_port, payload=message)
    return [udp_packet(packet.destination, packet.source, forged)]
