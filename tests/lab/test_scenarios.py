"""Scenarios on real packets, from the probe's cycle to the analysis: the truth, or less, and never an accusation.

A subset that takes some five minutes: every family, every kind of fact. `make lab-score` runs the whole bank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.evaluate.grading import Grade
from lab import bank, scenario_file
from lab.scenario import FAMILIES

if TYPE_CHECKING:
    from lab.score import Score

pytestmark = pytest.mark.lab

SUBSET = (
    "nothing-wrong",
    "sni-reset",
    "sni-policed",
    "host-reset",
    "dns-forged-on-path",
    "https-interception-some",
    "country-refused-403",
    "target-down",
    "upstream-cut",
    "mtu-black-hole",
    "gateway-closed",
    "captive-portal",
    "block-inside-flapping",
    "cut-feigned",
    "zhanaozen-short",
)

DECIDED = {
    # Where the truth is known to be a rule on a name, the pairs must show it within the 25 that a full block needs.
    "sni-reset": "tls.reset.sni",
    "host-reset": "http.reset.host",
    "zhanaozen-short": "http.reset",
}


@pytest.fixture(scope="session")
def scores() -> dict[str, Score]:
    outcome = bank.Outcome()
    bank.make(
        bank.runs_of([(name, scenario_file.load(name)) for name in SUBSET]),
        outcome,
        at_once=3,  # they wait more than they compute
        folder=None,
    )
    assert outcome.failures == []
    return {one.scenario: one for one in outcome.scores}


def test_the_subset_has_every_family() -> None:
    assert {scenario_file.load(name).family for name in SUBSET} == set(FAMILIES)


def test_the_bank_has_at_least_seventy_scenarios_and_every_family_several() -> None:
    families = [scenario_file.load(name).family for name in scenario_file.names()]
    assert len(families) >= 70
    assert min(families.count(family) for family in FAMILIES) >= 2


@pytest.mark.parametrize("name", scenario_file.names())
def test_every_scenario_has_members_under_other_seeds(name: str) -> None:
    for seed in (1, 2):
        assert scenario_file.load(name, seed=seed).seed == seed


@pytest.mark.parametrize("name", SUBSET)
def test_nobody_is_accused_of_what_nobody_did(name: str, scores: dict[str, Score]) -> None:
    wrong = [graded for graded in scores[name].graded if graded.grade is Grade.FALSE_ACCUSATION]
    assert wrong == []
    assert scores[name].false_events == ()


@pytest.mark.parametrize("name", SUBSET)
def test_every_state_is_the_true_one_or_an_honest_weaker_one(name: str, scores: dict[str, Score]) -> None:
    missed = [graded for graded in scores[name].graded if graded.grade is Grade.MISSED]
    assert missed == []
    assert scores[name].graded != ()


@pytest.mark.parametrize(("name", "mechanism"), DECIDED.items())
def test_rule_on_a_name_is_shown_within_25_pairs_with_its_mechanism(
    name: str, mechanism: str, scores: dict[str, Score]
) -> None:
    pairs = scores[name].pairs_to_decision
    assert pairs
    assert max(pairs.values()) <= 25
    blocked = [graded for graded in scores[name].graded if graded.state == "blocked"]
    assert blocked
    assert any(found.startswith(mechanism) for graded in blocked for found in graded.mechanisms)
    assert all(graded.is_mechanism_right for graded in blocked)
