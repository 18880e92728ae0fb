"""Bounds of what was counted, and of what was averaged over episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from scipy.special import betaincinv

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_E = TypeVar("_E")

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many."""

    count: int
    of: int
    at_most: float
    """The upper bound of the true share (Clopper-Pearson, one-sided, 95 %)."""


def share(count: int, of: int) -> Share:
    """Give a share with its upper bound.

    The bound is that of Clopper and Pearson (Biometrika 26, 1934): the share
    under which so few would be seen with a probability of 5 %. Of nothing, it is 1.
    """
    at_most = float(betaincinv(count + 1, of - count, CONFIDENCE)) if count < of else 1.0
    return Share(count=count, of=of, at_most=at_most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure with the ends of its interval; ``None`` where there was nothing to compute it from."""

    value: float | None
    low: float | None = None
    high: float | None = None


def clopper_pearson(count: int, of: int) -> Figure:
    """Give a share with its two-sided exact interval (Clopper and Pearson, Biometrika 26, 1934)."""
    if not of:
        return Figure(value=None)
    tail = (1.0 - CONFIDENCE) / 2
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1.0 - tail)) if count < of else 1.0
    return Figure(value=count / of, low=low, high=high)


def by_episode(
    episodes: Sequence[_E], figure: Callable[[Sequence[_E]], float | None], *, resamples: int, seed: int
) -> Figure:
    """Give a figure over episodes with the interval of a bootstrap that draws whole episodes.

    What hangs together in one episode (the same cut, the same box) is drawn
    together, so that many rows of one happening do not pass for many happenings.
    """
    value = figure(episodes)
    if value is None or len(episodes) < 2:
        return Figure(value=value)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        again = figure([episodes[i] for i in rng.integers(0, len(episodes), len(episodes))])
        if again is not None:
            drawn.append(again)
    if not drawn:
        return Figure(value=value)
    low, high = np.quantile(drawn, [(1.0 - CONFIDENCE) / 2, (1.0 + CONFIDENCE) / 2])
    return Figure(value=value, low=float(low), high=float(high))
