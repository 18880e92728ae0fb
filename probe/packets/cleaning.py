"""What may be kept of a packet: heads alone, made anew from fields of a list, with the volunteer's address replaced.

Nothing is searched for and struck out: an address has ten spellings. Instead a
packet is taken apart and built again from what is known to be harmless. Its
ends are the peer's address, which the schedule led to, and 192.0.2.1 or
2001:db8::1 (RFC 5737, RFC 3849) in the place of ours. Checksums become zero,
because ours can be reckoned from them. Payloads are left out: a server may
repeat our address in its page. Of TCP options, time stamps and cookies go.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import Any

from probe.addresses import is_public_address, parse_address
from probe.limited import is_near
from probe.packets.ends import OURS, UNKNOWN_ROUTER
from probe.packets.flow import Flow

_KEPT_OPTIONS = frozenset({"MSS", "WScale", "SAckOK", "NOP", "EOL"})
_ICMP_ERRORS = {4: frozenset({3, 11}), 6: frozenset({1, 3})}
"""Unreachable, and time exceeded (RFC 792, RFC 4443)."""
_ICMP = {4: 1, 6: 58}
_ICMP_HEAD_BYTES = 8
_IP_HEAD_BYTES = {4: 20, 6: 40}


def cleaned(raw: bytes, flows: frozenset[Flow]) -> bytes | None:
    """Give what may be kept of one packet; ``None`` where it is of no named flow, or not understood."""
    from scapy.error import Scapy_Exception
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6

    version = raw[0] >> 4 if raw else 0
    if version not in OURS:
        return None
    try:
        packet = IP(raw) if version == 4 else IPv6(raw)
        if isinstance(packet.payload, TCP):
            return _tcp(packet, packet.payload, version, flows)
        if (packet.proto if version == 4 else packet.nh) == _ICMP[version]:
            return _icmp_error(packet, bytes(packet.payload), version, flows)
    except (Scapy_Exception, struct.error, ValueError, IndexError, TypeError, AttributeError, OverflowError):
        return None  # whatever a hostile packet brings out of its dissection
    return None


def _tcp(packet: Any, segment: Any, version: int, flows: frozenset[Flow]) -> bytes | None:
    from scapy.layers.inet import TCP

    is_inbound = Flow(_text(packet.src), segment.sport, segment.dport) in flows
    if not is_inbound and Flow(_text(packet.dst), segment.dport, segment.sport) not in flows:
        return None
    peer = _text(packet.src) if is_inbound else _text(packet.dst)
    ends = (peer, OURS[version]) if is_inbound else (OURS[version], peer)
    kept = TCP(
        sport=segment.sport,
        dport=segment.dport,
        seq=segment.seq,
        ack=segment.ack,
        flags=int(segment.flags),
        window=segment.window,
        chksum=0,
        options=[option for option in segment.options if is_inbound and option[0] in _KEPT_OPTIONS],
    )
    return bytes(_ip(packet, version, ends) / kept)


def _icmp_error(packet: Any, message: bytes, version: int, flows: frozenset[Flow]) -> bytes | None:
    """Keep an ICMP error about a packet of ours, with the head of what it quotes; its destination is ourselves."""
    inner = message[_ICMP_HEAD_BYTES:]
    if message[0] not in _ICMP_ERRORS[version] or inner[0] >> 4 != version:
        return None
    head = (inner[0] & 15) * 4 if version == 4 else _IP_HEAD_BYTES[6]
    peer = str(ip_address(inner[16:20] if version == 4 else inner[24:40]))
    source_port, port, sequence = struct.unpack_from("!HHI", inner, head)
    if Flow(peer, port, source_port) not in flows:
        return None
    router = parse_address(_text(packet.src))
    is_known = router is not None and is_public_address(router) and not is_near(_text(packet.dst), str(router))
    quoted = _quoted(inner, version, peer) + struct.pack("!HHI", source_port, port, sequence)
    ends = (str(router) if is_known else UNKNOWN_ROUTER[version], OURS[version])
    return bytes(_ip(packet, version, ends)) + message[:2] + bytes(6) + quoted


def _ip(packet: Any, version: int, ends: tuple[str, str]) -> Any:
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6

    source, destination = ends
    if version == 4:
        return IP(
            src=source,
            dst=destination,
            tos=packet.tos,
            len=packet.len,
            id=packet.id,
            flags=int(packet.flags),
            frag=packet.frag,
            ttl=packet.ttl,
            proto=packet.proto,
            chksum=0,
        )
    return IPv6(src=source, dst=destination, tc=packet.tc, fl=0, plen=packet.plen, nh=packet.nh, hlim=packet.hlim)


def _quoted(inner: bytes, version: int, peer: str) -> bytes:
    """Give the quoted IP head anew: its hop limit and identifier are what a reader wants of it."""
    if version == 4:
        length, identifier = struct.unpack_from("!HH", inner, 2)
        head = struct.pack("!BBHHHBBH", 0x45, 0, length, identifier, 0, inner[8], inner[9], 0)
    else:
        head = struct.pack("!IHBB", 6 << 28, int.from_bytes(inner[4:6], "big"), inner[6], inner[7])
    return head + ip_address(OURS[version]).packed + ip_address(peer).packed


def _text(address: str) -> str:
    return str(ip_address(address))
