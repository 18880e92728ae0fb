"""The addresses in the head of a kept packet, and in what an ICMP error quotes: read without scapy."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from probe.addresses import is_public_address

if TYPE_CHECKING:
    from collections.abc import Collection

OURS = {4: "192.0.2.1", 6: "2001:db8::1"}
"""In the place of the volunteer's address (RFC 5737, RFC 3849)."""
UNKNOWN_ROUTER = {4: "192.0.2.2", 6: "2001:db8::2"}
"""In the place of a router's that is private, or as near as the volunteer's own."""

_HEAD_BYTES = {4: 20, 6: 40}
_ICMP = {4: 1, 6: 58}
_ICMP_HEAD_BYTES = 8
_QUOTED_BYTES = 8
_TCP = 6


@dataclass(frozen=True, slots=True)
class Ends:
    """Who speaks to whom; for an ICMP error, about whom."""

    version: int
    source: str
    destination: str
    is_error: bool = False
    quoted: tuple[str, str] | None = None
    """Source and destination of the quoted head."""
    kept_bytes: int = 0
    """Behind the last head: there must be none."""

    def are_harmless(self, peers: Collection[str]) -> bool:
        """Tell whether every address is a named peer's, one that stands for ours, or a public router's."""
        ours = OURS[self.version]
        if self.kept_bytes:
            return False
        if not self.is_error:
            return (self.source == ours and self.destination in peers) or (
                self.destination == ours and self.source in peers
            )
        is_router = self.source == UNKNOWN_ROUTER[self.version] or is_public_address(ip_address(self.source))
        return is_router and self.destination == ours and self.quoted is not None and self._is_quoted_harmless(peers)

    def _is_quoted_harmless(self, peers: Collection[str]) -> bool:
        return self.quoted is not None and self.quoted[0] == OURS[self.version] and self.quoted[1] in peers


def ends_of(data: bytes) -> Ends:
    """Read a kept packet's head. ValueError where it is none of ours."""
    version = data[0] >> 4 if data else 0
    if version not in OURS or len(data) < _HEAD_BYTES[version]:
        raise ValueError("a packet is no IP packet")
    protocol = data[9] if version == 4 else data[6]
    length = (data[0] & 15) * 4 if version == 4 else _HEAD_BYTES[6]
    source, destination = _addresses(data, version)
    behind = data[length:]
    if length != _HEAD_BYTES[version]:
        raise ValueError("a packet has options of IP")
    if protocol == _TCP and len(behind) >= 20:
        return Ends(version, source, destination, kept_bytes=len(behind) - (behind[12] >> 4) * 4)
    whole = _ICMP_HEAD_BYTES + _HEAD_BYTES[version] + _QUOTED_BYTES
    if protocol == _ICMP[version] and len(behind) == whole:
        return Ends(version, source, destination, is_error=True, quoted=_addresses(behind[_ICMP_HEAD_BYTES:], version))
    raise ValueError("a packet is neither TCP nor an ICMP error")


def _addresses(head: bytes, version: int) -> tuple[str, str]:
    pair = (head[12:16], head[16:20]) if version == 4 else (head[8:24], head[24:40])
    return str(ip_address(pair[0])), str(ip_address(pair[1]))
