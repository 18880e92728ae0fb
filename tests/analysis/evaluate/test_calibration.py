"""Probabilities: fitted and checked by episode, on claims whose truth the test decides."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from analysis.evaluate.calibration import Question, calibrate, check, fit, kind_of, predict
from analysis.evaluate.score import Claim, Score

BLANK = Score(
    generator="g", family="blocking", is_held_out=False, seed=0, innocents=0, accused=(), false_events=(), events=(),
    open_named=(), mechanisms=(0, 0, 0), claims=(), acted_names=0, acted_dark=0, acts=0, methods={}, pairs=(),
)  # fmt: skip


def claim(cause: str, strength: float, *, right: bool, doing: bool = True) -> Claim:
    return Claim(cause=cause, strength=strength, is_right=right, is_by_somebody=doing)


def episodes(share_right: float, count: int = 400, *, held_out: bool = False, strength: float = 2.0) -> list[Score]:
    rng = random.Random(f"{share_right} {held_out}")
    return [
        replace(
            BLANK,
            seed=seed,
            is_held_out=held_out,
            generator="held out" if held_out else "known",
            claims=(claim("selective-blocking", strength, right=rng.random() < share_right),),
        )
        for seed in range(count)
    ]


def test_what_is_said_comes_true_where_both_sides_are_alike() -> None:
    known, held_out = calibrate([*episodes(0.8), *episodes(0.8, held_out=True)], Question.RIGHT)
    assert known.ece is not None
    assert known.ece < 0.05
    assert held_out.ece is not None
    assert held_out.ece < 0.05


def test_a_mechanism_on_which_the_fit_does_not_hold_shows_as_error() -> None:
    """Held-out claims are right a fifth of the time, and the fit knows only of four fifths."""
    _, held_out = calibrate([*episodes(0.8), *episodes(0.2, held_out=True)], Question.RIGHT)
    assert held_out.ece == pytest.approx(0.6, abs=0.08)


def test_the_fit_never_sees_what_is_held_out() -> None:
    with_it = calibrate([*episodes(0.8), *episodes(0.2, held_out=True)], Question.RIGHT)[0]
    assert with_it == calibrate(episodes(0.8), Question.RIGHT)[0]


def test_undetermined_events_claim_no_cause() -> None:
    some = [replace(BLANK, claims=(claim("dark-undetermined", 0.0, right=False),))]
    assert check([predict(fit(some, Question.RIGHT), some, Question.RIGHT)]).claims == 0
    assert check([predict(fit(some, Question.DOING), some, Question.DOING)]).claims == 1


def test_an_episode_of_many_claims_weighs_no_more_than_another() -> None:
    wrong = replace(BLANK, claims=(claim("selective-blocking", 2.0, right=False),) * 50)
    right = replace(BLANK, claims=(claim("selective-blocking", 2.0, right=True),))
    coefficients = fit([wrong, right], Question.RIGHT)
    _, said = predict(coefficients, [wrong, right], Question.RIGHT)
    assert said[0] == pytest.approx(0.5, abs=0.01)


def test_a_stronger_ledger_is_more_probably_right() -> None:
    some = [*episodes(0.3, strength=0.0), *episodes(0.95, strength=4.0)]
    coefficients = fit(some, Question.RIGHT)
    _, said = predict(coefficients, some, Question.RIGHT)
    assert said[-1] > 0.9 > 0.4 > said[0]


def test_decided_are_those_that_hardly_err() -> None:
    some = [*episodes(1.0, 300, strength=6.0), *episodes(0.5, 100, strength=-6.0)]
    found = check([predict(fit(some, Question.RIGHT), some, Question.RIGHT)])
    assert found.decided_share == pytest.approx(0.75, abs=0.02)


def test_causes_say_four_kinds_of_things() -> None:
    assert [kind_of(c) for c in ("shutdown", "dark-undetermined", "insufficient", "damage")] == [
        "accusing", "dark", "insufficient", "excusing",
    ]  # fmt: skip
