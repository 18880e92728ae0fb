"""Timed transfers in pairs: by how much the target's arm was slower, how surely, and in what way.

Null: nothing on the way reads the name. Then, given the rates of a pair, either
arm is equally likely to have had the lower one, whatever the congestion does:
the order was drawn. So the sign of (rate of the target - rate of the control)
is a fair coin, and the e-value of :mod:`analysis.pairs` counts it.

The ratio of the rates comes with a confidence sequence. If the name makes its
transfers slower by a factor r, then log(control / target) - log(r) is what the
two arms' places in time alone made of the line, with a sign that the order drew:
a fair coin again, for any line. So for each shift d the same bet is laid on the
pairs shifted by d, and the shifts that it rejects at neither side form the
interval. An e-value may be looked at any time, so the interval may be, too: it
misses r, at any look ever, with at most the given chance. Where the slowing is
no constant factor it speaks of the median ratio, as long as that stays the same
(Howard and Ramdas, "Sequential estimation of quantiles", Bernoulli 28, 2022; by
betting: Waudby-Smith and Ramdas, JRSS B 86, 2024).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING

from analysis.pairs import Tally, log10_e
from probe.failures import Failure
from probe.rates import SLOW_RATIO, are_comparable, brought_bytes, log_ratio, rate_bytes_s, stalled_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.facts import PairFacts, Step

ERROR_OF_INTERVAL = 0.05
"""Of the ratio's confidence sequence, half of it on either side."""
FLAT_SHARE = 0.25
"""Arms whose later rates lie within so much of their median came to one plateau."""
_TAIL_FROM = 1 / 3  # of an arm's time: a policer's burst is over by then
_TAIL_S = 1.5  # an arm must last so long for its tail to be a rate


@dataclass(frozen=True, slots=True)
class Transfer:
    """One pair that counts."""

    target: Step
    control: Step

    @property
    def log_ratio(self) -> float:
        """Natural logarithm of the control's rate over the target's."""
        return log_ratio(self.target, self.control)

    @property
    def stalled_bytes(self) -> int | None:
        """Where the target's arm alone stalled: after how many bytes, those of the TLS records counted."""
        return stalled_at(self.target) if stalled_at(self.control) is None else None


def counted(pairs: Iterable[PairFacts]) -> tuple[Transfer, ...]:
    """Give the transfers of pairs that stand (:func:`analysis.pairs.standings`) and can be compared."""
    return tuple(
        Transfer(pair.target_arm, pair.control_arm)
        for pair in pairs
        if pair.target_arm is not None
        and pair.control_arm is not None
        and are_comparable(pair.target_arm, pair.control_arm)
    )


@dataclass(frozen=True)
class Sample:
    """Transfers of one kind of name at one kind of peer, in order. What is asked of it often is counted once."""

    transfers: tuple[Transfer, ...] = ()

    @cached_property
    def log_ratios(self) -> tuple[float, ...]:
        """Of each pair; positive where the target was slower."""
        return tuple(transfer.log_ratio for transfer in self.transfers)

    @cached_property
    def pairs(self) -> int:
        """Count the pairs that are no tie."""
        return sum(ratio != 0.0 for ratio in self.log_ratios)

    @cached_property
    def target_slower(self) -> int:
        """Count those in which the target was slower."""
        return sum(ratio > 0.0 for ratio in self.log_ratios)

    @property
    def tally(self) -> Tally:
        """The signs as counts: a pair that is no tie is discordant, and fails where the target was slower."""
        return Tally(len(self.transfers), self.pairs, self.target_slower)

    @property
    def log10_e(self) -> float:
        """log10 of the e-value."""
        return log10_e(self.pairs, self.target_slower)

    @cached_property
    def ratio(self) -> float:
        """The median of the control's rate over the target's; 1.0 without a pair."""
        return math.exp(median(self.log_ratios)) if self.transfers else 1.0

    @cached_property
    def alike(self) -> int:
        """Count the pairs in which the target was not slower by as much as would be called."""
        return sum(ratio < math.log(SLOW_RATIO) for ratio in self.log_ratios)

    @property
    def far_slower(self) -> int:
        """Count the others."""
        return len(self.transfers) - self.alike

    @property
    def target_rate_bytes_s(self) -> float:
        """The median rate of the target's arms."""
        return median(rate_bytes_s(t.target) for t in self.transfers) if self.transfers else 0.0

    @property
    def control_rate_bytes_s(self) -> float:
        """The median rate of the control's arms."""
        return median(rate_bytes_s(t.control) for t in self.transfers) if self.transfers else 0.0

    @cached_property
    def frozen_bytes(self) -> tuple[int, int] | None:
        """The fewest and the most bytes after which the target's arms stalled alone; ``None`` if half did not."""
        stalls = [count for t in self.transfers if (count := t.stalled_bytes) is not None]
        return (min(stalls), max(stalls)) if stalls and 2 * len(stalls) > len(self.transfers) else None

    @cached_property
    def is_torn(self) -> bool:
        """Whether half of the target's arms or more were torn off, by a reset or an end too soon: that is no rate."""
        torn = sum(t.target.failure not in {None, Failure.TIMEOUT} for t in self.transfers)
        return 2 * torn >= len(self.transfers)

    @property
    def plateau_bytes_s(self) -> float | None:
        """The one rate to which the target's slower arms came once the burst was over; ``None`` if there is none."""
        rates = [rate for t in self.transfers if t.log_ratio > 0.0 and (rate := _tail_rate(t.target)) is not None]
        if 2 * len(rates) <= len(self.transfers):
            return None
        middle = median(rates)
        near = sum(abs(rate - middle) <= FLAT_SHARE * middle for rate in rates)
        return middle if middle > 0.0 and 4 * near >= 3 * len(rates) else None

    @property
    def first_bytes_s(self) -> tuple[float, float] | None:
        """The median waits for the first byte, of the target's arms and of the controls'."""
        target = [t.target.first_byte_s for t in self.transfers if t.target.first_byte_s is not None]
        control = [t.control.first_byte_s for t in self.transfers if t.control.first_byte_s is not None]
        return (median(target), median(control)) if target and control else None

    @property
    def most_bytes(self) -> int:
        """The most that a target's arm brought."""
        return max((brought_bytes(t.target) for t in self.transfers), default=0)


def bounds(log_ratios: Sequence[float], error: float = ERROR_OF_INTERVAL) -> tuple[float, float]:
    """Give the ends of the confidence sequence on the median ratio: control over target, 0 and infinity if open."""
    count = len(log_ratios)
    bar = math.log10(2 / error)
    if log10_e(count, count) < bar:
        return 0.0, math.inf
    enough = bisect_left(range(count + 1), bar, key=lambda k: log10_e(count, k))
    rising = sorted(log_ratios)
    return math.exp(rising[-enough]), math.exp(rising[enough - 1])


def _tail_rate(arm: Step) -> float | None:
    if not arm.progress:
        return None  # slower than its control because it brought nothing at all
    ended_s, count = arm.progress[-1]
    if ended_s < _TAIL_S or stalled_at(arm) is not None:
        return None
    at_s, before = next((at_s, so_far) for at_s, so_far in arm.progress if at_s >= _TAIL_FROM * ended_s)
    return (count - before) / (ended_s - at_s) if ended_s > at_s else None
