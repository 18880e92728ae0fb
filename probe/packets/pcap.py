"""Capture files of bare IP packets (pcap, LINKTYPE_RAW): written and read, with every length checked."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LINKTYPE_RAW = 101
_HEAD = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")
_MAGIC = 0xA1B2C3D4
_SNAP_BYTES = 256
_MOST_PACKETS = 2000


class BadCaptureError(Exception):
    """The bytes are no capture of ours."""


@dataclass(frozen=True, slots=True)
class Packet:
    """The head of one IP packet, and when it was seen, in seconds from the first one."""

    at_s: float
    data: bytes
    length: int
    """As it was on the wire, what was cut off included."""


def write(packets: Sequence[Packet]) -> bytes:
    """Give the file. Its times begin at zero: when it was is in the row that names it."""
    parts = [_HEAD.pack(_MAGIC, 2, 4, 0, 0, _SNAP_BYTES, LINKTYPE_RAW)]
    for packet in packets:
        seconds, microseconds = divmod(round(packet.at_s * 1_000_000), 1_000_000)
        parts.append(_RECORD.pack(seconds, microseconds, len(packet.data), packet.length) + packet.data)
    return b"".join(parts)


def read(content: bytes) -> list[Packet]:
    """Read a file. BadCaptureError."""
    if len(content) < _HEAD.size:
        raise BadCaptureError("too short")
    magic, major, _, _, _, _, linktype = _HEAD.unpack_from(content)
    if (magic, major, linktype) != (_MAGIC, 2, LINKTYPE_RAW):
        raise BadCaptureError("not a capture of bare IP packets")
    packets: list[Packet] = []
    position = _HEAD.size
    while position < len(content):
        if len(content) - position < _RECORD.size or len(packets) == _MOST_PACKETS:
            raise BadCaptureError("a record is cut short, or there are too many")
        seconds, microseconds, kept, length = _RECORD.unpack_from(content, position)
        position += _RECORD.size
        if kept > min(_SNAP_BYTES, length, len(content) - position) or microseconds >= 1_000_000:
            raise BadCaptureError("a record's length cannot be")
        packets.append(Packet(seconds + microseconds / 1_000_000, content[position : position + kept], length))
        position += kept
    return packets
