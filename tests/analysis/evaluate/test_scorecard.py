"""What scores come to: the bars are held strictly, and what is left undetermined is apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.evaluate.bars import bars_of
from analysis.evaluate.baselines import BASELINES
from analysis.evaluate.event_match import EventGrade, FalseEvent, GradedEvent
from analysis.evaluate.pictures import pictures
from analysis.evaluate.score import OURS, Claim, Method
from analysis.evaluate.scorecard import Scorecard, macro_f1, scorecard
from analysis.evaluate.sheets import as_markdown
from tests.analysis.evaluate.test_calibration import BLANK

SILENT = Method(falsely=0, found_names=0, found_dark=0, delays_s=(), alerts=0)
METHODS = dict.fromkeys((OURS, *(b.name for b in BASELINES)), SILENT)
DAMAGE = replace(BLANK, generator="duct-cut", family="damage", methods=METHODS, innocents=10)


def graded(cause: str, grade: EventGrade) -> GradedEvent:
    return GradedEvent(name=cause, cause=cause, grade=grade, named=None, onset_delay_s=60.0, alerts=1)


def bar(card: Scorecard, beginning: str) -> bool | None:
    return next(one.is_met for one in bars_of(card) if one.name.startswith(beginning))


def test_one_false_accusation_in_three_thousand_fails_the_bar() -> None:
    clean = [replace(DAMAGE, seed=seed) for seed in range(3000)]
    assert bar(scorecard(clean, seed=0), "no false") is True
    stained = [*clean[1:], replace(DAMAGE, accused=("a x 1 blocked rule",))]
    card = scorecard(stained, seed=0)
    assert bar(card, "no false") is False
    assert card.false_damage == ("duct-cut 0: a x 1 blocked rule",)


def test_too_few_episodes_prove_nothing() -> None:
    assert bar(scorecard([DAMAGE], seed=0), "no false") is None


def test_a_false_event_counts_as_an_accusation() -> None:
    false = FalseEvent(cause="shutdown", vantages=("a",), targets=("x",), onset="2026-03-02T06:00:00Z")
    card = scorecard([replace(DAMAGE, false_events=(false,))], seed=0)
    assert bar(card, "no false") is False


def test_a_shutdown_on_a_shared_fibre_fails_its_bar() -> None:
    claim = Claim(cause="shutdown", strength=1.0, is_right=False, is_by_somebody=False)
    assert bar(scorecard([DAMAGE], seed=0), "no shutdown") is True
    assert bar(scorecard([replace(DAMAGE, claims=(claim,))], seed=0), "no shutdown") is False


def test_mimicry_that_is_named_fails_its_bar() -> None:
    honest = replace(BLANK, family="mimicry", methods=METHODS, open_named=("dark-undetermined", None))
    assert bar(scorecard([DAMAGE, honest], seed=0), "mimicry") is True
    guessed = replace(honest, open_named=("damage",))
    assert bar(scorecard([DAMAGE, guessed], seed=0), "mimicry") is False


def test_the_macro_f1_is_the_mean_over_causes_with_the_undetermined_apart() -> None:
    found, weaker, missed = EventGrade.FOUND, EventGrade.WEAKER, EventGrade.MISSED
    events = [graded("throttling", g) for g in (found, found, weaker)]  # 1 apart; 2 * 2 / 5 with it
    events += [graded("withholding", g) for g in (found, missed)]  # 2 * 1 / 3
    some = [replace(BLANK, events=tuple(events))]
    assert macro_f1(some) == pytest.approx((1.0 + 2 / 3) / 2)
    assert macro_f1(some, of_all=True) == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_a_cause_that_is_never_named_has_no_f1_and_counts_as_none() -> None:
    """Silence is no way round the bar."""
    events = (graded("shutdown", EventGrade.WEAKER), graded("throttling", EventGrade.FOUND))
    assert macro_f1([replace(BLANK, events=events)]) == 0.5


def test_a_cause_that_nothing_bears_out_costs_precision() -> None:
    claim = Claim(cause="throttling", strength=1.0, is_right=False, is_by_somebody=False)
    some = [replace(BLANK, events=(graded("throttling", EventGrade.FOUND),), claims=(claim,))]
    assert macro_f1(some) == pytest.approx(2 / 3)


def test_tables_and_pictures_come_out_the_same_each_time() -> None:
    some = [DAMAGE, replace(BLANK, methods=METHODS, events=(graded("throttling", EventGrade.FOUND),))]
    once, again = scorecard(some, seed=0), scorecard(some, seed=0)
    assert as_markdown(once, None) == as_markdown(again, None)
    assert pictures(once) == pictures(again)
    assert all(picture.startswith("<svg ") for picture in pictures(once).values())
