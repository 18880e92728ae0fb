"""What one packet with a small hop limit met. Read alike by the probe, to decide where to look next, and afterwards."""

from __future__ import annotations

from enum import StrEnum

from probe.failures import Failure
from probe.model import Operation

ENOUGH_SILENCE = 3
"""Rungs in a row that stay silent for one name alone: one may be a router that says nothing just now."""

_NOBODY_LISTENS = frozenset({(3, 3), (1, 4)})  # port unreachable (RFC 792, RFC 4443): the peer itself says so


class Seen(StrEnum):
    """What came back on one rung of a ladder of hop limits."""

    DROPPED = "dropped"  # a router said that the hop limit ran out
    ANSWERED = "answered"  # bytes, the peer's or in its name; or the peer's own "nobody listens"
    ENDED = "ended"  # a reset, or the end of the stream
    SILENT = "silent"
    UNCONNECTED = "unconnected"


def seen_of(operation: str, failure: str | None, icmp: tuple[int | None, int | None]) -> Seen:
    """Read one rung; ``icmp`` is type and code, where the system tells them."""
    if operation == Operation.TCP:
        return Seen.UNCONNECTED
    if failure is None or failure == Failure.DNS_MALFORMED or icmp in _NOBODY_LISTENS:
        return Seen.ANSWERED
    if failure == Failure.TIMEOUT:
        return Seen.SILENT
    return Seen.DROPPED if failure == Failure.HOST_UNREACHABLE else Seen.ENDED
