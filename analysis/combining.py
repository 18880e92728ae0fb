"""Several e-values at once: their mean, their product, and the bar that e-BH sets for all of them.

All are given and taken as log10. The mean of e-values is an e-value whatever
their dependence; their product is one where their seeds are independent. The
highest of them is none: whoever looks for the best of a thousand finds it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FALSE_DISCOVERY_RATE = 0.01
"""The expected share of false ones among the bets that e-BH lets pass."""


def log10_mean(log10_values: Sequence[float]) -> float:
    """Give log10 of the mean of e-values; 0.0, the logarithm of no evidence, of none."""
    if not log10_values:
        return 0.0
    highest = max(log10_values)
    return highest + math.log10(sum(10.0 ** (value - highest) for value in log10_values) / len(log10_values))


@dataclass(frozen=True, slots=True)
class Pooled:
    """The product of e-values over vantages, and what is left of it without any one of them."""

    vantages: int
    log10_e: float
    without_any: float
    """The smallest product of all but one vantage: what no single vantage can feign."""


def pooled(log10_of: Mapping[str, Sequence[float]]) -> Pooled | None:
    """Multiply over vantages the mean of each one's e-values; ``None`` with fewer than two vantages.

    ``log10_of`` holds, by vantage, the e-values of every bet that the claim is
    about, those that lost included: to leave them out would be to choose by
    the result. Seeds of different vantages are independent, so that the
    product is an e-value of "nothing reads any of these names, at any of these
    vantages".
    """
    means = [log10_mean(values) for _, values in sorted(log10_of.items())]
    if len(means) < 2:
        return None
    total = math.fsum(means)
    return Pooled(len(means), total, total - max(means))


def e_bh_bar(log10_values: Sequence[float], rate: float = FALSE_DISCOVERY_RATE) -> float:
    """Give log10 of the e-value from which on hypotheses are rejected at false discovery rate ``rate``.

    Wang and Ramdas, "False discovery rate control with e-values", JRSS B 84,
    2022: of n bets the j largest pass if the j-th is at least n / (rate * j).
    Every value must be an e-value at one fixed time, that of the report; the
    highest that a bet ever had is none.
    """
    count = max(len(log10_values), 1)
    highest = math.log10(count / rate)
    passing = [
        rank
        for rank, value in enumerate(sorted(log10_values, reverse=True), start=1)
        if value >= highest - math.log10(rank)
    ]
    return highest - math.log10(max(passing, default=1))
