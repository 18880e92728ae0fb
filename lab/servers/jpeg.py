"""Writes small grey JPEG pictures: a mosaic of squares of 8 pixels, each of one level.

Baseline, one component, no detail within a square (ITU-T T.81): enough for a
thumbnail that every decoder shows. Nothing here reads a picture.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SQUARE = 8
"""Width and height of a square, pixels."""

_STEP = 16  # of quantisation: a square's mean is then known to two levels
_QUANTISATION = bytes([0]) + bytes([_STEP]) * 64
# Two Huffman tables of our own: the categories 0 to 8 in four bits each, and "the square has no detail" in one.
_CATEGORIES = bytes([0x00, 0, 0, 0, 9, *[0] * 12, *range(9)])
_NO_DETAIL = bytes([0x10, 1, *[0] * 15, 0])


def mosaic(width: int, height: int, levels: Sequence[int]) -> bytes:
    """Write a picture of ``width`` by ``height`` pixels; ``levels`` (0 to 255) go by rows of squares."""
    frame = struct.pack("!BHHB", 8, height, width, 1) + bytes([1, 0x11, 0])
    return b"".join(
        (
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\x00" + struct.pack("!HBHHBB", 0x0101, 0, 1, 1, 0, 0)),
            _segment(0xDB, _QUANTISATION),
            _segment(0xC0, frame),
            _segment(0xC4, _CATEGORIES),
            _segment(0xC4, _NO_DETAIL),
            _segment(0xDA, bytes([1, 1, 0x00, 0, 63, 0])),
            _scan(levels).replace(b"\xff", b"\xff\x00"),
            b"\xff\xd9",
        )
    )


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack("!BBH", 0xFF, marker, len(content) + 2) + content


def _scan(levels: Sequence[int]) -> bytes:
    bits = ""
    before = 0
    for level in levels:
        mean = (level - 128) * SQUARE // _STEP
        difference, before = mean - before, mean
        category = abs(difference).bit_length()
        bits += f"{category:04b}"
        if category:
            bits += f"{difference if difference > 0 else difference + (1 << category) - 1:0{category}b}"
        bits += "0"
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
