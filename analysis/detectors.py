"""When a name began to be read, and when it ceased: e-detectors over the pairs of one series.

A bet that began a year ago has lost, on a year of coin flips, what a block of
today could win. So the bet is restarted at every discordant pair, and all of
the restarted bets are summed (Shiryaev and Roberts; as e-detector: Shin,
Ramdas and Rinaldo, New England Journal of Statistics in Data Science, 2023).

*Onset.* Null: nothing reads the name. Then the sum grows by one, on average, at
each discordant pair, and the mean number of these until it first reaches 1/a
is at least 1/a, whatever the damage does. Concordant pairs restart nothing:
else a thousand calm pairs would sum to a thousand.

*End*, the mirror. Null: the block goes on, so that the target's arm fails with
a probability of at least q in every pair whose control's arm lived. The bet is
that it lives more often; it is restarted at each such pair, and 1/a of these
is the mean number until a false call. q is set before the first restart, from
the pairs since the onset: the lower bound of their failing share, less what
the controls lost. That is a model, as any statement is that a block goes on.

Both say that something changed, never where. Where is an estimate of its own:
the posterior of one change in how often the target fails while the control
lives, flat over the pairs. Before an onset that is thought to be seldom (and
before an end, that it lives), so that a series which begins blocked is not
taken to have changed in its middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import betaln

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    Array = np.ndarray[Any, np.dtype[np.float64]]

CALL_LOG10 = 3.0
"""A change is called at 1/a = 1,000: so many discordant pairs are the mean until a false call."""

UNSURE = 0.05
"""Chance that the interval of a change, or the bound on a block's share, is left to miss."""

FEWEST_STILL_BLOCKED = 0.2
"""The mirror allows a block to spare so many, even one that never did: boxes fail open for moments."""
MOST_STILL_BLOCKED = 0.95

SUPPORT_LOG10 = 2.0
"""A restart whose bet won a hundredth of what the best one did may still be where the change was."""

LOOK_BACK = 2_000
"""So many restarts before a call are weighed for it."""

_SELDOM, _OPEN = (0.5, 3.5), (0.5, 0.5)
"""Beta priors of a share: one in eight is expected; and anything may be (Jeffreys)."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_LOG_WEIGHTS = np.log(_WEIGHTS / 2.0)
"""Of a mixture over 32 probabilities: exact where the uniform one is a polynomial of degree 63, a bet like any other
beyond."""


@dataclass(frozen=True, slots=True)
class Look:
    """One pair that stands, as a detector sees it."""

    at: datetime
    has_target_failed: bool
    has_control_failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An onset or an end, with the interval in which it was."""

    is_onset: bool
    after: datetime | None
    """The last pair that was surely before the change; ``None`` where the series may have begun with it."""
    before: datetime
    """The first pair that was surely after it."""
    first: int
    """The place of that pair in the series."""
    called: int
    """The place of the pair at which the detector called."""
    log10: float
    """log10 of the detector: of an onset at the last pair before its end (or of the series), of an end at its call."""
    pairs: int
    """How many pairs were made from ``first`` to that one."""


def onset(looks: Sequence[Look]) -> Change | None:
    """Give the first onset in a series of pairs in order of time; ``None`` where the detector calls none.

    The interval is ``after`` to ``before``. :func:`changes` gives what came later, too.
    """
    return next(iter(changes(looks)), None)


def changes(looks: Sequence[Look]) -> tuple[Change, ...]:
    """Give onsets and ends by turns, of a series of pairs in order of time; the first is an onset. Linear."""
    found: list[Change] = []
    start = 0
    while True:
        rising = _Detector(0.5, is_onset=True)
        called = rising.run(looks, start, len(looks))
        if called is None:
            return tuple(found)
        after, first = rising.interval(looks, start, called)
        falling, over = _fall(looks, first, called)
        if over is None:
            last_after, end = None, len(looks)
        else:
            last_after, end = falling.interval(looks, called + 1, over)
        log10 = rising.follow(looks, called + 1, end)
        found.append(_change(looks, rising, after, first, called, log10, end))
        if over is None:
            return tuple(found)
        found.append(_change(looks, falling, last_after, end, over, falling.log10, over + 1))
        start = end


def _fall(looks: Sequence[Look], first: int, called: int) -> tuple[_Detector, int | None]:
    """Wait for the end of a block; its null is set anew whenever the pairs since the onset have doubled.

    What a bound said once holds on (a confidence sequence), so the null only ever becomes narrower.
    """
    spared, start = 1.0, called + 1
    while True:
        now = _share_spared(looks[first:start])
        if now < spared:
            spared, falling = now, _Detector(now, is_onset=False)
        until = min(2 * start - first, len(looks))
        over = falling.run(looks, start, until)
        if over is not None or until == len(looks):
            return falling, over
        start = until


def _change(
    looks: Sequence[Look], detector: _Detector, after: int | None, first: int, called: int, log10: float, until: int
) -> Change:
    return Change(
        is_onset=detector.is_onset,
        after=None if after is None else looks[after].at,
        before=looks[first].at,
        first=first,
        called=called,
        log10=log10,
        pairs=until - first,
    )


class _Detector:
    """The sum of bets, one from each restart on, that a coin falls on one side with more than ``null``."""

    def __init__(self, null: float, *, is_onset: bool) -> None:
        self.is_onset = is_onset
        chances = null + (1.0 - null) * (_NODES + 1.0) / 2.0
        self._won: Array = np.log(chances / null)
        self._lost: Array = np.log((1.0 - chances) / (1.0 - null))
        self._sums: Array = np.full(_NODES.shape, -np.inf)

    @property
    def log10(self) -> float:
        """log10 of the sum."""
        return float(_mixture(self._sums)) / math.log(10.0)

    def run(self, looks: Sequence[Look], start: int, end: int) -> int | None:
        """Look at the pairs of [start, end) until the detector calls; give the place where it did."""
        for place in range(start, end):
            if self._see(looks[place]) and self.log10 >= CALL_LOG10:
                return place
        return None

    def follow(self, looks: Sequence[Look], start: int, end: int) -> float:
        """Go on over [start, end) and give log10 of the sum there."""
        for place in range(start, end):
            self._see(looks[place])
        return self.log10

    def _see(self, look: Look) -> bool:
        has_won = self._flip(look)
        if has_won is not None:
            self._sums = np.logaddexp(self._sums, 0.0) + (self._won if has_won else self._lost)
        return has_won is not None

    def _flip(self, look: Look) -> bool | None:
        """Tell how the coin fell; ``None`` for a pair that flips none."""
        if self.is_onset:
            return look.has_target_failed if look.has_target_failed != look.has_control_failed else None
        return None if look.has_control_failed else not look.has_target_failed

    def interval(self, looks: Sequence[Look], start: int, called: int) -> tuple[int | None, int]:
        """Give the places of the last pair before the change that was called, and of the first one after it."""
        left = self._earliest(looks, start, called)
        trials = [place for place in range(left + 1, called + 1) if not looks[place].has_control_failed]
        changed = np.array([looks[place].has_target_failed == self.is_onset for place in trials])
        low, high = _most_likely(changed)
        before = trials[low - 1] if low else left
        return (before if before >= 0 else None), trials[high]

    def _earliest(self, looks: Sequence[Look], start: int, called: int) -> int:
        """Give the place of the last pair that the restarts worth weighing leave out; it may be before ``start``."""
        flips = [(place, won) for place in range(start, called + 1) if (won := self._flip(looks[place])) is not None]
        recent = flips[-LOOK_BACK:]
        since = np.cumsum([float(has_won) for _, has_won in reversed(recent)])[::-1]
        made = np.arange(len(recent), 0, -1)
        bets = _mixture(np.outer(since, self._won) + np.outer(made - since, self._lost)) / math.log(10.0)
        first = int(np.argmax(bets >= bets.max() - SUPPORT_LOG10)) + len(flips) - len(recent)
        return flips[first - 1][0] if first else start - 1


def _mixture(log_values: Array) -> Any:
    """Give the logarithm of the mean over the mixture's probabilities, which lie along the last axis."""
    return _log_sum(log_values + _LOG_WEIGHTS)


def _log_sum(log_values: Any) -> Any:
    # scipy's own takes 0.3 ms a call; this one runs once a discordant pair
    highest = np.maximum(log_values.max(axis=-1), -1e300)
    return highest + np.log(np.exp(log_values - highest[..., None]).sum(axis=-1))


def _most_likely(changed: Any) -> tuple[int, int]:
    """Give the ends of the interval of the change in a row of yes and no, as counts of those before it.

    The posterior is over "the change was before the i-th" for each i.
    """
    count = len(changed)
    before = np.arange(count)
    yes = np.concatenate(([0], np.cumsum(changed)))
    total, so_far = yes[-1], yes[:-1]
    weights = _evidence(so_far, before, _SELDOM) + _evidence(total - so_far, count - before, _OPEN)
    shares = np.exp(weights - _log_sum(weights))
    order = np.argsort(-shares, kind="stable")
    kept = order[: int(np.searchsorted(np.cumsum(shares[order]), 1.0 - UNSURE)) + 1]
    return int(kept.min()), int(kept.max())


def _evidence(yes: Any, made: Any, prior: tuple[float, float]) -> Any:
    """Give the logarithm of the chance of a row with so many "yes", its share having the beta prior."""
    return betaln(yes + prior[0], made - yes + prior[1]) - betaln(*prior)


def _share_spared(blocked: Sequence[Look]) -> float:
    """Bound the share of live targets, among live controls, that the block still allows."""
    seen = [look.has_target_failed for look in blocked if not look.has_control_failed]
    failed = sum(seen)
    loss = (len(blocked) - len(seen) + 1) / (len(blocked) + 2)
    spared = (1.0 - least_share(failed, len(seen) - failed)) / (1.0 - loss)
    return min(max(spared, FEWEST_STILL_BLOCKED), MOST_STILL_BLOCKED)


def least_share(yes: int, no: int, error: float = UNSURE) -> float:
    """Give the lower end of a confidence sequence on a share: valid at whatever moment one chose to look.

    Every smaller share is rejected by a bet, started with the first trial, that the share is larger (Ville).
    """
    low, high = 0.0, yes / (yes + no) if yes else 0.0
    for _ in range(40):
        middle = (low + high) / 2.0
        chances = middle + (1.0 - middle) * (_NODES + 1.0) / 2.0
        bet = yes * np.log(chances / max(middle, 1e-300)) + no * np.log((1.0 - chances) / (1.0 - middle))
        if float(_mixture(bet)) >= -math.log(error):
            low = middle
        else:
            high = middle
    return low
