"""What a claim's strength is worth: probabilities fitted on some episodes, checked on others.

Two questions are asked.

*Is it right?* Of every event that names a cause: is the cause the true one, or
one that the truth accepts? This is what the bar is about. An event that is left
undetermined claims no cause, and has no probability: giving it one would be
giving the simulator's own mixture of damage and orders as if it were evidence.

*Did somebody do it?* Of every event, the undetermined ones too. It is shown
beside the first, so that nobody need believe the sentence above.

What answers is what the event itself shows: its cause, and the strength of its
ledger (log10, :func:`analysis.evaluate.score.strength_of`). A logistic
regression (Platt scaling, with an intercept for each kind of cause) turns that
into a probability. It is fitted on mechanisms that are not held out. It is
checked on those held out, and on the others by halves, by episode, never by row.
Every mechanism counts alike, and in it every episode.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import minimize

from analysis.evaluate.event_match import UNDETERMINED_CAUSES
from analysis.evaluate.truth import ACCUSING_CAUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from analysis.evaluate.score import Claim, Score

    Floats = npt.NDArray[np.float64]

KINDS: Final = ("accusing", "dark", "insufficient", "excusing")
WIDTH: Final = 1 + len(KINDS)
"""Features of a claim."""
BINS: Final = 10
RIDGE: Final = 1e-3
"""Keeps coefficients finite where a kind of claim is always right."""
MOST_ERRORS: Final = 0.01


def kind_of(cause: str) -> str:
    """Give what a cause says of anybody's doing."""
    if cause in ACCUSING_CAUSES:
        return "accusing"
    return {"dark-undetermined": "dark", "insufficient": "insufficient"}.get(cause, "excusing")


@dataclass(frozen=True, slots=True)
class Sample:
    """Claims as arrays: what they show, whether they are true, and how much each counts (all together 1)."""

    features: Floats
    true: Floats
    weights: Floats


@dataclass(frozen=True, slots=True)
class Bin:
    """One step of the reliability curve."""

    claims: int
    said: float
    true: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far probabilities can be taken at their word."""

    claims: int
    brier: float | None
    ece: float | None
    decided_share: float | None
    """Of the claims, the surest first, while of those at most 1 % err."""
    bins: tuple[Bin, ...]


class Question(StrEnum):
    """What a probability is about."""

    RIGHT = "is the cause that it names right"
    DOING = "did somebody bring it about"


def sample(scores: Sequence[Score], question: Question) -> Sample:
    """Lay out the claims of some episodes that a question is asked of."""
    asked = [
        (one, [c for c in one.claims if question is Question.DOING or c.cause not in UNDETERMINED_CAUSES])
        for one in scores
    ]
    per_generator = Counter(one.generator for one, claims in asked if claims)
    rows = [(claim, 1.0 / (per_generator[one.generator] * len(claims))) for one, claims in asked for claim in claims]
    weights = np.array([weight for _, weight in rows], dtype=np.float64)
    is_true = [c.is_right if question is Question.RIGHT else c.is_by_somebody for c, _ in rows]
    return Sample(
        features=np.array([_features(claim) for claim, _ in rows], dtype=np.float64).reshape(len(rows), WIDTH),
        true=np.array(is_true, dtype=np.float64),
        weights=weights / weights.sum() if rows else weights,
    )


def _features(claim: Claim) -> list[float]:
    return [claim.strength, *(float(kind_of(claim.cause) == kind) for kind in KINDS)]


def fit(scores: Sequence[Score], question: Question) -> Floats:
    """Give the coefficients of the logistic regression."""
    given = sample(scores, question)
    if not len(given.true):
        return np.zeros(WIDTH)

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        logits = given.features @ coefficients
        signs = 2.0 * given.true - 1.0
        value = float(given.weights @ np.logaddexp(0.0, -signs * logits)) + RIDGE * float(coefficients @ coefficients)
        slope = given.features.T @ (given.weights * (_probability(logits) - given.true)) + 2.0 * RIDGE * coefficients
        return value, slope

    found: Floats = minimize(loss, np.zeros(WIDTH), jac=True, method="L-BFGS-B").x
    return found


def _probability(logits: Floats) -> Floats:
    """Give the logistic function, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), dtype=np.float64)


def predict(coefficients: Floats, scores: Sequence[Score], question: Question) -> tuple[Sample, Floats]:
    """Give the claims of some episodes with their probabilities."""
    given = sample(scores, question)
    return given, _probability(given.features @ coefficients) if len(given.true) else given.true


def check(pairs: Iterable[tuple[Sample, Floats]]) -> Calibration:
    """Hold probabilities against what was true."""
    several = [(given, said) for given, said in pairs if len(said)]
    if not several:
        return Calibration(0, None, None, None, ())
    said = np.concatenate([one for _, one in several])
    true = np.concatenate([given.true for given, _ in several])
    weights = np.concatenate([given.weights for given, _ in several]) / len(several)
    bins = _bins(said, true, weights)
    return Calibration(
        claims=len(said),
        brier=float(weights @ (said - true) ** 2),
        ece=sum(share * abs(one.said - one.true) for share, one in bins),
        decided_share=_decided(said, true, weights),
        bins=tuple(one for _, one in bins),
    )


def _bins(said: Floats, true: Floats, weights: Floats) -> list[tuple[float, Bin]]:
    """Give bins of equal width of probability, each with its share of the weight."""
    place = np.minimum((said * BINS).astype(int), BINS - 1)
    found = []
    for number in range(BINS):
        inside = place == number
        weight = float(weights[inside].sum())
        if weight > 0.0:
            mean = Bin(
                claims=int(inside.sum()),
                said=float(weights[inside] @ said[inside]) / weight,
                true=float(weights[inside] @ true[inside]) / weight,
            )
            found.append((weight, mean))
    return found


def _decided(said: Floats, true: Floats, weights: Floats) -> float:
    """Give the largest share of the surest claims of which at most 1 % are wrong; those of one sureness go together."""
    sureness = np.round(np.abs(said - 0.5), 6)
    wrong = (said >= 0.5) != (true >= 0.5)
    best = 0.0
    for level in np.unique(sureness):
        inside = sureness >= level
        weight = float(weights[inside].sum())
        if float(weights[inside & wrong].sum()) <= MOST_ERRORS * weight:
            best = max(best, weight)
    return best


def calibrate(scores: Sequence[Score], question: Question) -> tuple[Calibration, Calibration]:
    """Give the calibration on mechanisms that are not held out (by halves), and on those that are."""
    known = [one for one in scores if not one.is_held_out]
    held_out = [one for one in scores if one.is_held_out]
    even, odd = [one for one in known if one.seed % 2 == 0], [one for one in known if one.seed % 2 == 1]
    crossed = check([predict(fit(even, question), odd, question), predict(fit(odd, question), even, question)])
    return crossed, check([predict(fit(known, question), held_out, question)])
