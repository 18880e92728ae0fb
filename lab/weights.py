"""Fits the weights of the rules by counting, on runs whose truth is known.

An episode is one run. In each, the share of the measurements on which a rule
fired is taken for three classes: those on which somebody acts, those that a
fault hits, and the rest. Over episodes, which count alike however long they
are, a share is (sum + 1/2) / (number + 1): the mean under Jeffreys' prior.

    log10 LR = log10( p(acted on) / max( p(fault), p(calm) ) )

The larger of the two denominators is taken, so that no rule gains by being rare
among the many measurements in which nothing happens at all. The weight that is
kept is the end of a bootstrap interval over episodes that lies nearer to zero,
and zero where the interval holds it: what few episodes show weighs little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.evaluate.truth import ACCUSING_CAUSES
from lab.score import UNMEASURED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from lab.score import Graded, Score

CLASSES: Final = ("acted on", "fault", "calm")
RESAMPLES: Final = 4000
SEED: Final = 20111216
INTERVAL: Final = (0.05, 0.95)
"""Of the bootstrap: 95 % of the resamples lie beyond the end that is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One rule's weight, and what it was counted from."""

    rule: str
    log10_lr: float
    low: float
    high: float
    """The interval of the bootstrap."""
    fired: tuple[float, float, float]
    """Sum over episodes of the share of measurements on which it fired, by class."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The weights of all rules, and the number of episodes of each class."""

    weights: tuple[Weight, ...]
    episodes: tuple[int, int, int]
    runs: int


def class_of(graded: Graded) -> int:
    """Give the place in ``CLASSES`` of one measurement, by its truth."""
    if graded.cause in ACCUSING_CAUSES:
        return 0
    return 2 if graded.truth == "ok" else 1


def fit(scores: Sequence[Score], rules: Iterable[str]) -> Fit:
    """Fit the weights of ``rules`` to scored runs; the order of the runs changes nothing."""
    names = sorted(rules)
    place = {rule: i for i, rule in enumerate(names)}
    ordered = sorted(scores, key=lambda score: (score.scenario, score.seed))
    shares = np.zeros((len(CLASSES), len(ordered), len(names)))
    present = np.zeros((len(CLASSES), len(ordered)))
    for i, score in enumerate(ordered):
        measured = [g for g in score.graded if g.state != UNMEASURED]
        for j in range(len(CLASSES)):
            mine = [g for g in measured if class_of(g) == j]
            present[j, i] = bool(mine)
            for g in mine:
                for rule in set(g.rules) & place.keys():
                    shares[j, i, place[rule]] += 1.0
            shares[j, i] /= max(len(mine), 1)
    drawn = np.random.default_rng(SEED).multinomial(
        len(ordered), np.full(len(ordered), 1.0 / max(len(ordered), 1)), RESAMPLES
    )
    resampled = _log10_lr([drawn @ shares[j] for j in range(len(CLASSES))], drawn @ present.T)
    low, high = np.quantile(resampled, INTERVAL, axis=0)
    fired = shares.sum(axis=1)
    return Fit(
        weights=tuple(
            Weight(
                rule=rule,
                log10_lr=nearest_to_zero(float(low[i]), float(high[i])),
                low=float(low[i]),
                high=float(high[i]),
                fired=(float(fired[0, i]), float(fired[1, i]), float(fired[2, i])),
            )
            for i, rule in enumerate(names)
        ),
        episodes=(int(present[0].sum()), int(present[1].sum()), int(present[2].sum())),
        runs=len(ordered),
    )


def _log10_lr(sums: Sequence[npt.NDArray[np.float64]], episodes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the ratios of every resample (rows) and rule (columns); ``episodes`` by resample and class."""
    acted_on, fault, calm = ((s + 0.5) / (episodes[:, j : j + 1] + 1.0) for j, s in enumerate(sums))
    ratios: npt.NDArray[np.float64] = np.log10(acted_on / np.maximum(fault, calm))
    return ratios


def nearest_to_zero(low: float, high: float) -> float:
    """Give the end of an interval that lies nearer to zero, cut to two digits; zero where the interval holds it."""
    if low <= 0.0 <= high:
        return 0.0
    end = low if low > 0.0 else high
    return float(np.trunc(end * 100.0) / 100.0) + 0.0  # no minus before a zero


def as_yaml(found: Fit, *, version: str) -> str:
    """Write a fit as ``analysis/rules/weights.yaml`` has it; ``version`` says what made the runs."""
    head = f"""\
# Weights of the rules that do not measure their own: log10 of how much likelier the finding is where somebody acts
# than where a fault does, or nothing at all. Counted, not judged: `nameblind lab weights` made this file from runs
# whose truth is known, and docs/method.md says how. Not to be edited by hand, but for the line of a new rule.
#
# log10_lr: the end nearer to zero of the bootstrap's interval over episodes [low, high]; 0 where it holds zero.
# fired: in how many episodes of each class the rule fired (a share of an episode's measurements counts as that share).
#
# They are shown beside the evidence, and no sum of them makes a `blocked`: that is decided by kind (states.py).
# The rules on pairs, transfers and addresses are absent: their weight is measured each time.
fitted:
  version: {version}
  runs: {found.runs}
  episodes: {{{", ".join(f"{name}: {count}" for name, count in zip(CLASSES, found.episodes, strict=True))}}}
rules:
"""
    lines = (
        f"  {w.rule}: {{log10_lr: {w.log10_lr:.2f}, low: {w.low:.2f}, high: {w.high:.2f}, "
        f"fired: [{', '.join(f'{count:.1f}' for count in w.fired)}]}}\n"
        for w in found.weights
    )
    return head + "".join(lines)
