"""What the two processes say to each other: one JSON object a line, short, with every value checked.

Down: ``{"flows": [[address, port, source_port], …], "seconds": 20}``, then ``{"stop": true}``.
Up: ``{"ready": true}`` once the socket is open, ``{"armed": true}``, and at the end
``{"packets": n, "missed": n, "bytes": n}`` with so many bytes of a capture file
behind it. ``{"refused": "…"}`` in the place of any of them, and the process ends.
"""

from __future__ import annotations

import json
from typing import Any, Final

from probe.addresses import parse_address
from probe.packets.flow import Flow

LINE_BYTES: Final = 4096
MOST_FLOWS: Final = 16
MOST_PACKETS: Final = 400
MOST_BYTES: Final = 131_072
"""Of one capture; 400 heads of 100 bytes fit."""
MOST_S: Final = 60.0


class BadOrderError(Exception):
    """A line is not one of those that are said here."""


def line(**said: Any) -> bytes:
    """Give one line."""
    return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"


def read(raw: bytes) -> dict[str, Any]:
    """Read one line. BadOrderError."""
    if len(raw) > LINE_BYTES or not raw.endswith(b"\n"):
        raise BadOrderError("a line is too long, or was cut short")
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadOrderError("a line is not JSON") from error
    if not isinstance(said, dict):
        raise BadOrderError("a line is not an object")
    return said


def read_flows(said: dict[str, Any]) -> tuple[frozenset[Flow], float]:
    """Read which connections may be kept, and for how long. BadOrderError."""
    flows, seconds = said.get("flows"), said.get("seconds")
    if not isinstance(flows, list) or not 1 <= len(flows) <= MOST_FLOWS:
        raise BadOrderError("no connections are named, or too many")
    if not isinstance(seconds, int | float) or not 0 < seconds <= MOST_S:
        raise BadOrderError("the time is not within bounds")
    return frozenset(map(_flow, flows)), float(seconds)


def _flow(item: Any) -> Flow:
    if not isinstance(item, list) or len(item) != 3:
        raise BadOrderError("a connection is address, port and our port")
    address, port, source_port = item
    parsed = parse_address(address) if isinstance(address, str) else None
    if parsed is None or not all(type(one) is int and 0 < one < 65_536 for one in (port, source_port)):
        raise BadOrderError("a connection is address, port and our port")
    return Flow(str(parsed), port, source_port)


def read_count(said: dict[str, Any], name: str, most: int) -> int:
    """Read a count. BadOrderError."""
    count = said.get(name)
    if type(count) is not int or not 0 <= count <= most:
        raise BadOrderError(f"{name} is not within bounds")
    return count
