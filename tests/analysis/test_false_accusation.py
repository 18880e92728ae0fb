"""Damage cannot read a name, and must never be said to: thousands of measurements under it, and not one accusation."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from scipy.stats import beta

from analysis.analyse import conclude
from tests.analysis.damage_simulator import DAMAGE, episode, random_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.facts import CycleFacts
    from analysis.states import Decision

EPISODES_PER_KIND = 22
CYCLES = 2
ACCUSATIONS = {"blocked", "suspected", "tampered", "throttled"}
CENSORED = "x.example.com"


def target_states(cycles: Sequence[CycleFacts]) -> list[tuple[str, str, Decision]]:
    return [
        (j.facts.measurement.vantage_id, j.facts.measurement.target, j.decision)
        for j in conclude(cycles).judged
        if j.facts.measurement.kind == "target"
    ]


def walk_all(seed: int) -> list[tuple[str, Decision]]:
    """Give (kind of damage, state, decision) of every target's measurement at the damaged vantage."""
    found = []
    for kind in DAMAGE:
        for number in range(EPISODES_PER_KIND):
            rng = random.Random(f"{seed}:{kind.__name__}:{number}")
            found += [(kind.__name__, d) for v, _, d in target_states(episode(kind, rng, CYCLES)) if v == "almaty"]
    return found


@pytest.fixture(scope="module")
def under_damage() -> list[tuple[str, Decision]]:
    return walk_all(2011)


def test_no_damage_is_ever_called_interference(under_damage: list[tuple[str, Decision]]) -> None:
    """At least 3,000 measurements that the damage broke, and none accused: at most 1 in 1,000 at 95 %."""
    broken = [(kind, decision) for kind, decision in under_damage if decision.state != "ok"]
    assert len(broken) >= 3_000
    accused = Counter(
        (kind, decision.state, decision.rule) for kind, decision in broken if decision.state in ACCUSATIONS
    )
    assert accused == {}
    assert beta.ppf(0.95, 1, len(broken)) <= 0.001


def test_every_kind_of_damage_breaks_something(under_damage: list[tuple[str, Decision]]) -> None:
    """Else a kind would prove nothing."""
    broken = Counter(kind for kind, decision in under_damage if decision.state != "ok")
    assert set(broken) == {kind.__name__ for kind in DAMAGE}


def test_same_world_with_a_rule_on_one_name_is_named() -> None:
    """The silence above is no blindness: under 20 to 50 % loss the censored name is called, and no other one."""
    called, wrong, whole = 0, [], 0
    for number in range(20):
        rng = random.Random(f"censor:{number}")
        kind = random_loss
        cycles = episode(kind, rng, CYCLES, censored=frozenset({CENSORED}))
        if not any(c.vantage.vantage_id == "frankfurt" for c in cycles):
            continue
        whole += 1
        states = [(t, d.state) for v, t, d in target_states(cycles) if v == "almaty"]
        called += any(target == CENSORED and state == "blocked" for target, state in states)
        wrong += [(t, s) for t, s in states if t != CENSORED and s in ACCUSATIONS]
    assert wrong == []
    assert called >= 0.6 * whole
