"""A fall of what arrives to a tenth is found within one slot, and its cause stays open."""

from __future__ import annotations

import pytest

from analysis.collapse import collapses
from analysis.grid import grid_of_passes
from tests.analysis.fleets import TARGETS, fleet, ran, slot

TOWNS = ("aktau", "almaty", "astana", "oral")
BEFORE = 40


def collapsed(silent: int = 12, *, after: str = "rr", towns: int = 4) -> dict[str, str]:
    lines = dict.fromkeys(TOWNS[:towns], "r" * BEFORE + "." * silent + after)
    return {**lines, "sentinel": "r" * (BEFORE + silent + len(after))}


def test_a_collapse_is_found_and_ends_with_the_first_usual_slot() -> None:
    (collapse,) = collapses(fleet(collapsed()))
    assert collapse.country == "KZ"
    assert collapse.onset == (slot(BEFORE - 1), slot(BEFORE))
    assert collapse.end == (slot(BEFORE + 11), slot(BEFORE + 12))
    assert (collapse.expected, collapse.arrived) == (4 * len(TARGETS), 0)
    assert collapse.vantages == TOWNS
    assert collapse.is_ours_excluded


def test_it_is_found_within_one_slot_of_its_own() -> None:
    """When the slot after it has come, it is known: not before, because what is late is not lost."""
    lines = {name: letters.rstrip(".") for name, letters in collapsed(silent=1, after="").items()}
    assert collapses(fleet(lines, as_of=slot(BEFORE))) == ()
    (collapse,) = collapses(fleet(lines, as_of=slot(BEFORE + 1)))
    assert collapse.end is None
    assert collapse.onset[1] == slot(BEFORE)


def test_a_long_collapse_stays_one_whatever_share_of_the_time_it_lasts() -> None:
    (collapse,) = collapses(fleet(collapsed(silent=400)))
    assert collapse.end == (slot(BEFORE + 399), slot(BEFORE + 400))


@pytest.mark.parametrize(("alive", "found"), [(0, 1), (1, 1), (2, 0), (10, 0)])
def test_it_takes_a_fall_to_a_tenth(alive: int, found: int) -> None:
    lines = {f"aktau-{i}": "r" * BEFORE + ("r" if i < alive else ".") * 8 for i in range(10)}
    assert len(collapses(fleet({**lines, "sentinel": "r" * (BEFORE + 8)}))) == found


def test_two_vantages_are_too_few() -> None:
    assert collapses(fleet(collapsed(towns=2))) == ()
    assert len(collapses(fleet(collapsed(towns=3)))) == 1


def test_vantages_that_say_why_are_not_counted_on() -> None:
    lines = {name: letters.replace(".", "z") for name, letters in collapsed().items()}
    assert collapses(fleet(lines)) == ()


def test_failing_measurements_arrive_as_well() -> None:
    lines = {name: letters.replace(".", "f") for name, letters in collapsed().items()}
    assert collapses(fleet(lines)) == ()


def test_who_was_silent_most_of_the_day_before_is_not_counted_on() -> None:
    lines = {**collapsed(), "aktau": "rrr" + "." * 51, "almaty": "rrr" + "." * 51}
    assert collapses(fleet(lines)) == ()


def test_without_anybody_outside_it_may_be_our_own_collector() -> None:
    lines = collapsed()
    lines["sentinel"] = lines["aktau"]
    (collapse,) = collapses(fleet(lines))
    assert not collapse.is_ours_excluded
    assert "our own collector" in collapse.text


def test_late_data_takes_the_collapse_back() -> None:
    rest = [ran(n, i) for n, text in collapsed().items() for i, letter in enumerate(text) if letter == "r"]
    late = [ran(town, i, late_s=5 * 86400) for town in TOWNS for i in range(BEFORE, BEFORE + 12)]
    assert len(collapses(grid_of_passes([*rest, *late], [], as_of=slot(BEFORE + 14)))) == 1
    assert collapses(grid_of_passes([*rest, *late], [])) == ()


def test_nothing_heard_collapses_into_nothing() -> None:
    assert collapses(grid_of_passes([], [])) == ()
    assert collapses(fleet({"almaty": "r"})) == ()
