"""How fast the arms of a transfer pair were, and whether the two can be compared.

The probe steers by it, and the analysis counts by it. Everything here treats
the two arms alike: whether a pair counts must not depend on which of them was
the target's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

from probe.failures import Failure
from probe.model import Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

ARM_S: Final = 4.0
"""An arm ends after so long, with what it has: at 140 kbit/s that is 70 kB, a rate beyond doubt."""
ENOUGH_BYTES: Final = 32_000
"""The faster arm must bring so much: two round trips of a server's first flights (RFC 6928), then a rate shows."""
SLOW_RATIO: Final = 2.0
"""Rates that differ by less differ as those of any two transfers on one line do."""
STALL_S: Final = 2.0
"""Without a byte for so long, to its end, a transfer has stalled: longer than the first repeats of a lost segment
(RFC 6298: 1 s at most on a path whose round trip is known)."""


class Transferred(Protocol):
    """The last step of an arm; an observation of the probe, or its row as the analysis reads it."""

    @property
    def operation(self) -> str:
        """The step's operation."""

    @property
    def failure(self) -> str | None:
        """Why it failed."""

    @property
    def status(self) -> int | None:
        """Of the answer."""

    @property
    def url(self) -> str | None:
        """What was asked for."""

    @property
    def is_body_truncated(self) -> bool | None:
        """Whether more would have come."""

    @property
    def progress(self) -> Sequence[tuple[float, int]]:
        """Seconds since the request, and bytes received by then."""


def brought_bytes(arm: Transferred) -> int:
    """Count what an arm brought after its request."""
    return arm.progress[-1][1] if arm.progress else 0


def rate_bytes_s(arm: Transferred) -> float:
    """Give an arm's rate, the wait for its first byte included; a broken arm is taken to have waited to the end.

    At least one byte is counted, so that any two rates have a ratio.
    """
    ended_s, count = arm.progress[-1] if arm.progress else (0.0, 0)
    return max(count, 1) / max(ended_s if arm.failure is None else max(ended_s, ARM_S), 1e-3)


def are_comparable(one: Transferred, other: Transferred) -> bool:
    """Tell whether two arms are transfers of the same thing, of which at least one brought enough to show a rate."""
    if not all(_has_begun(arm) and not _is_small(arm) for arm in (one, other)):
        return False
    if None not in {one.status, other.status} and one.status != other.status:
        return False
    return max(brought_bytes(one), brought_bytes(other)) >= ENOUGH_BYTES


def log_ratio(target: Transferred, control: Transferred) -> float:
    """Give the natural logarithm of the control's rate over the target's: positive where the target was slower."""
    return math.log(rate_bytes_s(control)) - math.log(rate_bytes_s(target))


def is_far_apart(ratio: float) -> bool:
    """Tell whether a logarithm of two rates' ratio means at least :data:`SLOW_RATIO`, either way."""
    return abs(ratio) >= math.log(SLOW_RATIO)


def stalled_at(arm: Transferred) -> int | None:
    """Give the count of bytes at which an arm stopped while more was to come; ``None`` where it did not stop."""
    if arm.failure is None and not arm.is_body_truncated:
        return None
    if not arm.progress:
        return 0 if arm.failure == Failure.TIMEOUT else None
    ended_s, count = arm.progress[-1]
    last_s = next(at_s for at_s, so_far in arm.progress if so_far == count)
    return count if ended_s - last_s >= STALL_S else None


def _has_begun(arm: Transferred) -> bool:
    """Tell whether the transfer was under way: over TLS, once hands were shaken; else with its first byte."""
    if arm.operation != Operation.HTTP or arm.failure == Failure.NOT_GENUINE:
        return False
    return brought_bytes(arm) > 0 or (arm.url or "").startswith("https:")


def _is_small(arm: Transferred) -> bool:
    """Tell whether an arm ended whole before it showed a rate: an error page has none."""
    return arm.failure is None and not arm.is_body_truncated and brought_bytes(arm) < ENOUGH_BYTES
