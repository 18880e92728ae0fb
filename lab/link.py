"""Links: how long a packet takes, whether it arrives, and what is too big.

A :class:`LinkProfile` is data, which disasters change; a :class:`Line` is one
direction of a link at work. Loss is a Gilbert-Elliott chain that moves once a
packet; without a burst length the losses are independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

QUEUE_BYTES = 131_072
"""Of a line that says nothing else: a home router's buffer, 50 ms at 20 Mbit/s."""

_ORDER_S = 1e-7  # keeps packets of one line in order when they would arrive at the same instant


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProfile:
    """What a link is like, alike in both directions."""

    delay_s: float = 0.001
    """From one end to the other."""
    jitter_s: float = 0.0
    """At most this much more, drawn evenly for each packet; packets are never reordered."""
    rate_bit_s: float | None = None
    """None: as fast as it can be."""
    queue_bytes: int = QUEUE_BYTES
    """Waiting at most, where there is a rate; what comes on top is lost."""
    loss: float = 0.0
    """Share of packets lost, below 1."""
    loss_burst_packets: float | None = None
    """Mean length of a run of lost packets, 1 or more; None: each packet is lost or not by itself."""
    mtu: int = 1500
    """Bytes of the largest packet."""
    is_mtu_announced: bool = True
    """Whether the router says that a packet was too big; if not, the link is a black hole for large packets."""
    is_up: bool = True
    is_failure_noticed: bool = True
    """Whether routers see that it is down and send round it where there is another way."""
    flapping_s: tuple[float, float] | None = None
    """Up for so long, then down for so long, in turn."""

    @property
    def is_plain(self) -> bool:
        """Tell whether it is nothing but a delay, whatever it carried before."""
        return (
            self.is_up
            and self.loss <= 0.0
            and self.jitter_s <= 0.0
            and self.rate_bit_s is None
            and self.flapping_s is None
        )

    @property
    def needs_order(self) -> bool:
        """Tell whether what one packet meets depends on those that came before it."""
        return self.rate_bit_s is not None or self.jitter_s > 0.0


class Line:
    """One direction of a link. Time is the event loop's, in seconds."""

    def __init__(self, profile: LinkProfile, draws: random.Random) -> None:
        self.profile = profile
        self._draws = draws
        self._is_losing = False
        self._idle_at = 0.0
        self._last_arrival = 0.0

    def arrival(self, length_bytes: int, now: float) -> float | None:
        """Give the time at which a packet that is sent now arrives; ``None`` if it is lost."""
        profile = self.profile
        if not profile.is_up or self._is_flapped_down(now) or self._is_lost():
            return None
        leaves_at = now
        if profile.rate_bit_s is not None:
            starts_at = max(now, self._idle_at)
            if (starts_at - now) * profile.rate_bit_s / 8 + length_bytes > profile.queue_bytes:
                return None
            leaves_at = self._idle_at = starts_at + length_bytes * 8 / profile.rate_bit_s
        arrives_at = leaves_at + profile.delay_s + self._draws.uniform(0.0, profile.jitter_s)
        self._last_arrival = max(arrives_at, self._last_arrival + _ORDER_S)
        return self._last_arrival

    def _is_flapped_down(self, now: float) -> bool:
        if self.profile.flapping_s is None:
            return False
        up_s, down_s = self.profile.flapping_s
        return now % (up_s + down_s) >= up_s

    def _is_lost(self) -> bool:
        loss = self.profile.loss
        if loss <= 0.0:
            return False
        if self.profile.loss_burst_packets is None:
            return self._draws.random() < loss
        leave_losing = 1.0 / self.profile.loss_burst_packets
        start_losing = min(1.0, leave_losing * loss / (1.0 - loss))
        if self._is_losing:
            self._is_losing = self._draws.random() >= leave_losing
        else:
            self._is_losing = self._draws.random() < start_losing
        return self._is_losing
