"""By what chance independent things happen together: rates from short histories, and the tail of their sum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.special import betaincinv

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIDENCE = 0.95
"""Of the upper bound on a rate: a short history has a high one, and proves nothing."""


def upper_bound(events: int, trials: int) -> float:
    """Give an upper bound on a rate, by the Beta posterior under Jeffreys' prior; 1 without a trial."""
    return float(betaincinv(events + 0.5, max(trials - events, 0) + 0.5, CONFIDENCE)) if trials else 1.0


def at_least(count: int, chances: Iterable[float]) -> float:
    """Give the probability that at least ``count`` of independent events happen: a Poisson binomial's upper tail."""
    ways = [1.0]
    for chance in chances:
        ways = [
            none * (1 - chance) + one_less * chance for none, one_less in zip([*ways, 0.0], [0.0, *ways], strict=True)
        ]
    return min(1.0, math.fsum(ways[count:]))


def log10_e(chance: float) -> float:
    """Turn a p-value into evidence, as log10: 1/(2 sqrt p) is an e-value for every p-value (Vovk and Wang, 2021)."""
    return max(0.0, math.log10(0.5) - math.log10(max(chance, 1e-300)) / 2)
