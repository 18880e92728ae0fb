"""Packets as values: IPv4 and IPv6, TCP, UDP, ICMP and ICMPv6, parsed and built, with checksums.

Pure functions of bytes. Parsing gives ``None`` for whatever is no such packet
and never raises. What stands inside a payload (names) is :mod:`lab.dissect`'s.

IPv4 options are kept; IPv6 extension headers are left in the payload, so that
a packet that has them is forwarded as it is and read by nobody.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

Address = IPv4Address | IPv6Address

ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
ICMPV6: Final = 58

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10

DONT_FRAGMENT: Final = 0x4000
_FRAGMENT_OFFSET: Final = 0x1FFF

INITIAL_HOP_LIMIT: Final = 64

_QUOTED_BYTES: Final = {4: 28, 6: 1232}  # RFC 792: header and 8 bytes; RFC 4443: as much as fits in 1280


@dataclass(slots=True, kw_only=True)  # not frozen: boxes see each packet, and a frozen one takes thrice as long to make
class Packet:
    """One IP packet. ``payload`` begins with the header of ``protocol``."""

    source: Address
    destination: Address
    protocol: int
    payload: bytes
    hop_limit: int = INITIAL_HOP_LIMIT
    traffic_class: int = 0
    identification: int = 0
    fragment: int = DONT_FRAGMENT
    """IPv4: flags and offset, as on the wire."""
    options: bytes = b""
    """IPv4 options."""
    flow_label: int = 0
    via: str | None = None
    """Not on the wire: the host to which a middlebox hands the packet, whatever its destination."""

    @property
    def version(self) -> int:
        """Give 4 or 6."""
        return self.source.version

    @property
    def length_bytes(self) -> int:
        """Give its length on the wire, header included."""
        return (20 + len(self.options) if self.version == 4 else 40) + len(self.payload)

    @property
    def is_later_fragment(self) -> bool:
        """Tell whether its payload does not begin with a transport header."""
        return bool(self.fragment & _FRAGMENT_OFFSET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """One TCP segment."""

    source_port: int
    destination_port: int
    sequence: int = 0
    acknowledgement: int = 0
    flags: int = 0
    window: int = 65535
    options: bytes = b""
    payload: bytes = b""

    @property
    def sequence_length(self) -> int:
        """Give how far it moves the sequence: payload, and one each for SYN and FIN."""
        return len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Udp:
    """One UDP datagram."""

    source_port: int
    destination_port: int
    payload: bytes = b""


def checksum(data: bytes) -> int:
    """Give the Internet checksum of ``data`` (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return int(~total & 0xFFFF)


def parse(raw: bytes) -> Packet | None:
    """Read one IP packet; ``None`` if it is none, or is cut short."""
    if len(raw) >= 20 and raw[0] >> 4 == 4:
        return _parse_v4(raw)
    if len(raw) >= 40 and raw[0] >> 4 == 6:
        return _parse_v6(raw)
    return None


@lru_cache(maxsize=4096)
def _address(packed: bytes) -> Address:
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)


def _parse_v4(raw: bytes) -> Packet | None:
    first, traffic_class, length, identification, fragment, hop_limit, protocol = struct.unpack_from("!BBHHHBB", raw)
    header_length = (first & 0xF) * 4
    if header_length < 20 or not header_length <= length <= len(raw):
        return None
    return Packet(
        source=_address(raw[12:16]),
        destination=_address(raw[16:20]),
        protocol=protocol,
        payload=raw[header_length:length],
        hop_limit=hop_limit,
        traffic_class=traffic_class,
        identification=identification,
        fragment=fragment,
        options=raw[20:header_length],
    )


def _parse_v6(raw: bytes) -> Packet | None:
    word, length, protocol, hop_limit = struct.unpack_from("!IHBB", raw)
    if 40 + length > len(raw):
        return None
    return Packet(
        source=_address(raw[8:24]),
        destination=_address(raw[24:40]),
        protocol=protocol,
        payload=raw[40 : 40 + length],
        hop_limit=hop_limit,
        traffic_class=word >> 20 & 0xFF,
        flow_label=word & 0xFFFFF,
        fragment=0,
    )


def build(packet: Packet) -> bytes:
    """Write a packet as it goes over the wire, with the IPv4 header's checksum."""
    source, destination = packet.source.packed, packet.destination.packed
    if packet.version == 6:
        word = 6 << 28 | packet.traffic_class << 20 | packet.flow_label
        fixed = struct.pack("!IHBB", word, len(packet.payload), packet.protocol, packet.hop_limit)
        return fixed + source + destination + packet.payload
    header_length = 20 + len(packet.options)
    head = struct.pack(
        "!BBHHHBB",
        4 << 4 | header_length // 4,
        packet.traffic_class,
        header_length + len(packet.payload),
        packet.identification,
        packet.fragment,
        packet.hop_limit,
        packet.protocol,
    )
    rest = source + destination + packet.options
    return head + struct.pack("!H", checksum(head + b"\0\0" + rest)) + rest + packet.payload


def _with_transport_checksum(
    segment: bytes, offset: int, source: Address, destination: Address, protocol: int
) -> bytes:
    """Fill in the checksum at ``offset``, over the pseudo-header too (RFC 9293, RFC 8200)."""
    lengths = "!HH" if source.version == 4 else "!II"
    order = (protocol, len(segment)) if source.version == 4 else (len(segment), protocol)
    total = checksum(source.packed + destination.packed + struct.pack(lengths, *order) + segment)
    if total == 0 and protocol == UDP:
        total = 0xFFFF  # zero would mean that there is none (RFC 768)
    return segment[:offset] + struct.pack("!H", total) + segment[offset + 2 :]


def parse_tcp(packet: Packet) -> Tcp | None:
    """Read the TCP segment of a packet; ``None`` if it carries none."""
    data = packet.payload
    if packet.protocol != TCP or packet.is_later_fragment or len(data) < 20:
        return None
    source_port, destination_port, sequence, acknowledgement, offset, flags, window = struct.unpack_from(
        "!HHIIBBH", data
    )
    header_length = (offset >> 4) * 4
    if not 20 <= header_length <= len(data):
        return None
    return Tcp(
        source_port=source_port,
        destination_port=destination_port,
        sequence=sequence,
        acknowledgement=acknowledgement,
        flags=flags,
        window=window,
        options=data[20:header_length],
        payload=data[header_length:],
    )


def opens_connection(packet: Packet) -> bool:
    """Tell whether a packet is a SYN without ACK."""
    payload = packet.payload
    return packet.protocol == TCP and len(payload) >= 20 and payload[13] & (SYN | ACK) == SYN


def carries_data(packet: Packet) -> bool:
    """Tell whether a TCP packet has more than its header."""
    payload = packet.payload
    return len(payload) > 20 and len(payload) > (payload[12] >> 4) * 4


def tcp_packet(source: Address, destination: Address, segment: Tcp) -> Packet:
    """Build a packet that carries a TCP segment; its options must be a multiple of 4 bytes."""
    head = struct.pack(
        "!HHIIBBHHH",
        segment.source_port,
        segment.destination_port,
        segment.sequence & 0xFFFFFFFF,
        segment.acknowledgement & 0xFFFFFFFF,
        (20 + len(segment.options)) // 4 << 4,
        segment.flags,
        segment.window,
        0,
        0,
    )
    data = _with_transport_checksum(head + segment.options + segment.payload, 16, source, destination, TCP)
    return Packet(source=source, destination=destination, protocol=TCP, payload=data)


def parse_udp(packet: Packet) -> Udp | None:
    """Read the UDP datagram of a packet; ``None`` if it carries none."""
    data = packet.payload
    if packet.protocol != UDP or packet.is_later_fragment or len(data) < 8:
        return None
    source_port, destination_port, length = struct.unpack_from("!HHH", data)
    if not 8 <= length <= len(data):
        return None
    return Udp(source_port=source_port, destination_port=destination_port, payload=data[8:length])


def udp_packet(source: Address, destination: Address, datagram: Udp) -> Packet:
    """Build a packet that carries a UDP datagram."""
    length = 8 + len(datagram.payload)
    head = struct.pack("!HHHH", datagram.source_port, datagram.destination_port, length, 0)
    data = _with_transport_checksum(head + datagram.payload, 6, source, destination, UDP)
    return Packet(source=source, destination=destination, protocol=UDP, payload=data)


def _icmp_packet(source: Address, destination: Address, kind: int, code: int, rest: int, data: bytes) -> Packet:
    message = struct.pack("!BBHI", kind, code, 0, rest) + data
    if source.version == 6:
        message = _with_transport_checksum(message, 2, source, destination, ICMPV6)
        return Packet(source=source, destination=destination, protocol=ICMPV6, payload=message)
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return Packet(source=source, destination=destination, protocol=ICMP, payload=message)


def _error(
    source: Address, about: Packet, kind_v4: int, code_v4: int, kind_v6: int, code_v6: int, rest: int = 0
) -> Packet:
    quoted = build(about)[: _QUOTED_BYTES[about.version]]
    kind, code = (kind_v4, code_v4) if about.version == 4 else (kind_v6, code_v6)
    return _icmp_packet(source, about.source, kind, code, rest, quoted)


def time_exceeded(source: Address, about: Packet) -> Packet:
    """Build the ICMP error that says that a packet's hop limit ran out (RFC 792, RFC 4443)."""
    return _error(source, about, 11, 0, 3, 0)


def host_unreachable(source: Address, about: Packet) -> Packet:
    """Build the ICMP error that says that a host does not answer on its last link."""
    return _error(source, about, 3, 1, 1, 3)


def network_unreachable(source: Address, about: Packet) -> Packet:
    """Build the ICMP error that says that there is no route."""
    return _error(source, about, 3, 0, 1, 0)


def port_unreachable(source: Address, about: Packet) -> Packet:
    """Build the ICMP error that says that nothing listens on a port."""
    return _error(source, about, 3, 3, 1, 4)


def too_big(source: Address, about: Packet, mtu: int) -> Packet:
    """Build the ICMP error that says that a packet is larger than ``mtu`` (RFC 1191, RFC 4443)."""
    return _error(source, about, 3, 4, 2, 0, mtu)


def is_icmp_error(packet: Packet) -> bool:
    """Tell whether a packet is an ICMP error, of which no error may be sent (RFC 1122, RFC 4443)."""
    if packet.protocol == ICMP:
        return packet.payload[:1] in {b"\x03", b"\x04", b"\x05", b"\x0b", b"\x0c"}
    return packet.protocol == ICMPV6 and packet.payload[:1] < b"\x80"


def echo_reply(request: Packet) -> Packet | None:
    """Build the answer to an ICMP echo request; ``None`` if the packet is none."""
    asks, answers = {ICMP: (8, 0), ICMPV6: (128, 129)}.get(request.protocol, (-1, 0))
    if len(request.payload) < 8 or request.payload[0] != asks:
        return None
    rest = struct.unpack_from("!I", request.payload, 4)[0]
    return _icmp_packet(request.destination, request.source, answers, 0, rest, request.payload[8:])


def reset_for(packet: Packet) -> Packet | None:
    """Build the reset that the packet's destination would send back; ``None`` if it is no TCP, or a reset itself."""
    segment = parse_tcp(packet)
    if segment is None or segment.flags & RST:
        return None
    reset = Tcp(
        source_port=segment.destination_port,
        destination_port=segment.source_port,
        sequence=segment.acknowledgement if segment.flags & ACK else 0,
        acknowledgement=segment.sequence + segment.sequence_length,
        flags=RST | ACK,
        window=0,
    )
    return tcp_packet(packet.destination, packet.source, reset)
