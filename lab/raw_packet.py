"""IP packets as bytes, where taking them apart would cost more than carrying them (:mod:`lab.packet` does that)."""

from __future__ import annotations

from hashlib import blake2b


def destination(raw: bytearray) -> bytes:
    """Give the destination, 4 or 16 bytes."""
    return bytes(raw[16:20]) if raw[0] >> 4 == 4 else bytes(raw[24:40])


def source(raw: bytearray) -> bytes:
    """Give the source, 4 or 16 bytes."""
    return bytes(raw[12:16]) if raw[0] >> 4 == 4 else bytes(raw[8:24])


def hop_limit(raw: bytearray) -> int:
    """Give how many more routers it may pass."""
    return raw[8] if raw[0] >> 4 == 4 else raw[7]


def count_down(raw: bytearray, hops: int) -> None:
    """Take some hops off a packet's hop limit, the IPv4 header's checksum kept right (RFC 1141)."""
    if raw[0] >> 4 == 4:
        raw[8] -= hops
        total = (raw[10] << 8 | raw[11]) + (hops << 8)
        total = (total & 0xFFFF) + (total >> 16)
        raw[10], raw[11] = total >> 8, total & 0xFF
    else:
        raw[7] -= hops


def choice(router: str, raw: bytearray, count: int) -> int:
    """Choose one of several paths: a flow keeps to its own (RFC 2992), and each router chooses in its own manner."""
    if raw[0] >> 4 == 4:
        ports_at = (raw[0] & 15) * 4
        flow = raw[9:10] + raw[12:20] + raw[ports_at : ports_at + 4]
    else:
        flow = raw[6:7] + raw[8:44]
    return int.from_bytes(blake2b(flow, key=router.encode(), digest_size=4).digest(), "big") % count


def is_multicast(raw: bytes) -> bool:
    """Tell whether it goes to a group, or is no IP packet at all: nobody carries it."""
    if len(raw) >= 20 and raw[0] >> 4 == 4:
        return raw[16] >= 224
    return len(raw) < 40 or raw[0] >> 4 != 6 or raw[24] == 0xFF
