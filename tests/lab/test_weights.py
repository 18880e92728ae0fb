"""Weights are counted by episode, and what few episodes show weighs little."""

from __future__ import annotations

import math

import pytest
import yaml

from lab import weights
from tests.lab.scores import graded, scored


def runs(count: int, truth: str, rules: tuple[str, ...], first: int = 0, cause: str | None = None) -> list:
    more = {} if cause is None else {"cause": cause}
    return [scored(graded(truth, truth, rules=rules, **more), seed=first + i) for i in range(count)]


def weight_of(found: weights.Fit, rule: str) -> float:
    return next(w.log10_lr for w in found.weights if w.rule == rule)


def test_rule_that_fires_only_where_somebody_acts_weighs_for_it_and_less_than_its_count() -> None:
    found = weights.fit([*runs(40, "blocked", ("r",)), *runs(40, "down", (), 100), *runs(40, "ok", (), 200)], ["r"])
    assert found.episodes == (40, 40, 40)
    assert 1.0 < weight_of(found, "r") <= math.log10((40.5 / 41) / (0.5 / 41))


def test_rule_that_faults_set_off_as_often_weighs_nothing_however_rare_it_is_in_calm() -> None:
    found = weights.fit(
        [*runs(40, "blocked", ("r",)), *runs(40, "dark", ("r",), 100), *runs(900, "ok", (), 200)], ["r"]
    )
    assert weight_of(found, "r") == 0.0


def test_rule_that_calm_sets_off_weighs_against() -> None:
    found = weights.fit([*runs(40, "blocked", ()), *runs(40, "down", (), 100), *runs(40, "ok", ("r",), 200)], ["r"])
    assert weight_of(found, "r") < -1.0


def test_few_episodes_weigh_less_than_many_of_the_same_shares() -> None:
    def made(number: int) -> weights.Fit:
        mixed = [*runs(number, "blocked", ("r",)), *runs(number, "down", (), 100), *runs(number, "down", ("r",), 200)]
        return weights.fit(mixed, ["r"])

    assert weight_of(made(3), "r") < weight_of(made(60), "r")


def test_long_run_counts_as_one_episode() -> None:
    long = scored(*(graded("down", "down", rules=("r",), slot=i) for i in range(500)), seed=999)
    acted = runs(20, "blocked", ("r",))
    short = scored(graded("down", "down", rules=("r",)), seed=999)
    quiet = runs(20, "down", (), 100)
    assert weights.fit([*acted, long, *quiet], ["r"]).weights == weights.fit([*acted, short, *quiet], ["r"]).weights


def test_ordered_shutdown_counts_as_acted_on_and_damage_does_not() -> None:
    order, cut = graded("dark", "dark", cause="shutdown"), graded("dark", "dark", cause="damage")
    assert [weights.class_of(g) for g in (order, cut, graded("ok"))] == [0, 1, 2]


def test_order_of_the_runs_changes_nothing() -> None:
    several = [*runs(9, "blocked", ("r",)), *runs(9, "down", ("s",), 100)]
    assert weights.fit(several, ["r", "s"]) == weights.fit(several[::-1], ["s", "r"])


@pytest.mark.parametrize(("low", "high", "kept"), [(0.517, 2.0, 0.51), (-0.1, 1.0, 0.0), (-2.0, -0.519, -0.51)])
def test_the_end_nearer_to_zero_is_kept(low: float, high: float, kept: float) -> None:
    assert weights.nearest_to_zero(low, high) == kept


def test_written_weights_read_back() -> None:
    found = weights.fit([*runs(40, "blocked", ("r",)), *runs(40, "ok", (), 200)], ["r", "s"])
    read = yaml.safe_load(weights.as_yaml(found, version="1"))
    assert read["rules"]["r"]["log10_lr"] == weight_of(found, "r")
    assert read["fitted"] == {"version": 1, "runs": 80, "episodes": {"acted on": 40, "fault": 0, "calm": 40}}
