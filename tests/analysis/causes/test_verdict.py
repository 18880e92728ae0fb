"""The floors: what a ledger must hold before a darkness is said to be ordered, or damage."""

from __future__ import annotations

import pytest

from analysis.causes.cause import Cause
from analysis.causes.verdict import cause_of
from analysis.ledger import Entry


def entry(channel: str, kind: str, log10_lr: float) -> Entry:
    return Entry(channel, kind, log10_lr, (), "")


NAME_RULE = entry("A", "residual.name_rule", 7.0)
BORDER = entry("B", "structure.targeting", 1.9)
ONSET = entry("B", "onset.staggered", 0.5)
MAINS = entry("B", "power.mains", -2.0)
ON_THE_HOUR = entry("C", "clock.onset", 0.4)
ORDER = [NAME_RULE, BORDER, ONSET]


def test_two_kinds_of_structure_that_reach_the_floor_are_a_shutdown() -> None:
    assert cause_of([BORDER, ONSET], 3) is Cause.SHUTDOWN


def test_a_rule_on_names_beside_one_kind_of_structure_is_a_shutdown() -> None:
    assert cause_of([NAME_RULE, BORDER], 3) is Cause.SHUTDOWN


def test_a_rule_on_names_alone_shows_that_names_are_read_and_not_who_put_out_the_lights() -> None:
    assert cause_of([NAME_RULE], 3) is Cause.DARK_UNDETERMINED
    assert cause_of([NAME_RULE, entry("B", "recovery.one_step", 0.0)], 3) is Cause.DARK_UNDETERMINED


@pytest.mark.parametrize("given", [[BORDER], [ONSET], [BORDER, ON_THE_HOUR], [ONSET, ON_THE_HOUR], []])
def test_one_kind_and_the_clock_are_not_enough(given: list[Entry]) -> None:
    assert cause_of(given, 3) is Cause.DARK_UNDETERMINED


def test_one_vantage_accuses_nobody() -> None:
    assert cause_of(ORDER, 1) is Cause.DARK_UNDETERMINED


@pytest.mark.parametrize("kind", ["power.mains", "power.place", "plant.element"])
def test_a_hard_sign_of_damage_voids_an_order(kind: str) -> None:
    assert cause_of([*ORDER, entry("B", kind, -1.0)], 3) is not Cause.SHUTDOWN


def test_mains_that_failed_are_damage_unless_something_speaks_for_an_order() -> None:
    assert cause_of([MAINS], 2) is Cause.DAMAGE
    assert cause_of([MAINS, BORDER], 2) is Cause.DARK_UNDETERMINED


def test_what_a_mimic_can_stage_is_no_damage() -> None:
    staged = [entry("B", "loss.before", -0.5), entry("B", "onset.apart", -0.5), entry("B", "recovery.staged", -0.7)]
    assert cause_of(staged, 3) is Cause.DARK_UNDETERMINED
