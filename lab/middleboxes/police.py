"""Polices flows to a rate: a token bucket for each, and what comes above it is dropped (RFC 2697, without colours)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lab.match import matching
from probe.schedule.yaml_reader import optional, required
from probe.schedule.yaml_scalars import integer, number

if TYPE_CHECKING:
    from lab.flow import Flow
    from lab.match import Match
    from lab.packet import Packet


@dataclass(slots=True)
class _Bucket:
    tokens_bytes: float
    filled_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Police:
    """The box. Each direction of a flow has a bucket of its own."""

    needs_path: ClassVar[bool] = True
    match: Match
    rate_kbit_s: float
    burst_bytes: int = 8_000

    def __call__(self, packet: Packet, flow: Flow) -> list[Packet]:
        """Decide on one packet."""
        if flow.state is None:
            if not self.match(packet, flow):
                return [packet]
            flow.state = [_Bucket(self.burst_bytes, flow.now), _Bucket(self.burst_bytes, flow.now)]
        bucket: _Bucket = flow.state[flow.is_from_client(packet)]
        refill_bytes = (flow.now - bucket.filled_at) * self.rate_kbit_s * 125
        bucket.tokens_bytes = min(self.burst_bytes, bucket.tokens_bytes + refill_bytes)
        bucket.filled_at = flow.now
        if bucket.tokens_bytes < packet.length_bytes:
            return []
        bucket.tokens_bytes -= packet.length_bytes
        return [packet]


RECORD = matching(
    Police, {"rate_kbit_s": required(number(1, 1_000_000)), "burst_bytes": optional(integer(1500, 10_000_000))}
)
