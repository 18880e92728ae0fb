"""Silence over vantages: when it is more than coincidence, and when it may be our own doing."""

from __future__ import annotations

import itertools
import math
import random
from datetime import timedelta

import pytest

from analysis.coincidence import at_least, log10_e, upper_bound
from analysis.grid import grid_of_passes
from analysis.heartbeat import MOST_LOG10_LR, places_of, silences
from tests.analysis.fleets import asleep, fleet, ran, slot, vantage

TOWNS = ("aktau", "almaty", "astana", "oral")
DAYS = 96 * 3
"""Slots of three days."""


def together(history: int = DAYS, silent: int = 8, *, also: str = "") -> dict[str, str]:
    """Four towns that fall silent in one slot after a history without a hole, and come back, beside a sentinel."""
    lines = dict.fromkeys(TOWNS, "r" * history + "." * silent + "rr")
    return {**lines, "sentinel": "r" * (history + silent + 2), **({also: "r" * (history + silent + 2)} if also else {})}


def test_four_towns_that_fall_silent_in_one_slot_have_a_cause_in_common() -> None:
    (silence,) = silences(fleet(together()))
    assert silence.vantages == TOWNS
    assert silence.onset == (slot(DAYS - 1), slot(DAYS))
    assert silence.end == (slot(DAYS + 7), slot(DAYS + 8))
    assert silence.places == ("KZ Almaty", "KZ Astana", "KZ Mangystau", "KZ Oral")
    assert silence.is_ours_excluded
    assert silence.heard == ("sentinel",)
    assert 0 < silence.log10_lr <= MOST_LOG10_LR


def test_a_silence_that_lasts_has_no_end() -> None:
    lines = {name: letters[:-2] if name != "sentinel" else letters for name, letters in together().items()}
    (silence,) = silences(fleet(lines))
    assert silence.end is None


def test_one_or_two_silent_vantages_are_nothing() -> None:
    lines = together()
    for town in TOWNS[2:]:
        lines[town] = "r" * len(lines[town])
    assert silences(fleet(lines)) == ()


def test_three_silent_vantages_of_one_place_are_nothing() -> None:
    lines = {f"aktau-{i}": "r" * DAYS + "." * 8 + "rr" for i in range(3)}
    assert silences(fleet({**lines, "sentinel": "r" * (DAYS + 10)})) == ()
    del lines["aktau-0"]
    lines["almaty"] = lines["aktau-1"]
    assert len(silences(fleet({**lines, "sentinel": "r" * (DAYS + 10)}))) == 1


def test_regions_that_nobody_wrote_down_count_as_one_place() -> None:
    assert places_of([vantage("nowhere-1"), vantage("nowhere-2"), vantage("nowhere-3")]) == ("KZ",)
    assert places_of([vantage("nowhere-1"), vantage("aktau")]) == ("KZ Mangystau",)


def test_a_short_history_proves_nothing() -> None:
    (silence,) = silences(fleet(together(history=6)))
    assert silence.log10_lr == 0.0


def test_the_weight_grows_with_history_and_never_passes_its_cap() -> None:
    weights = [silences(fleet(together(history=history)))[0].log10_lr for history in (6, 96, 96 * 10)]
    assert weights == sorted(weights)
    assert weights[-1] == MOST_LOG10_LR


def test_vantages_that_say_that_they_slept_are_not_silent() -> None:
    lines = {name: letters.replace(".", "z") for name, letters in together().items()}
    assert silences(fleet(lines)) == ()


def test_vantages_that_come_and_go_fall_silent_together_by_chance() -> None:
    """Each is off every other slot for days: that four are off at once says nothing."""
    draw = random.Random(5)
    lines = {town: "r" + "".join(draw.choice("r.") for _ in range(DAYS)) + "r" for town in TOWNS}
    found = silences(fleet({**lines, "sentinel": "r" * (DAYS + 2)}))
    assert found
    assert {silence.log10_lr for silence in found} == {0.0}


def test_machines_that_are_switched_off_every_night_show_nothing_by_it() -> None:
    night = "r" * 60 + "." * 36
    lines = dict.fromkeys(TOWNS, night * 4 + "rr")
    found = silences(fleet({**lines, "sentinel": "r" * (96 * 4 + 2)}))
    assert len(found) == 4
    assert {silence.log10_lr for silence in found} == {0.0}


def test_a_sentinel_that_falls_silent_too_says_that_it_is_us() -> None:
    lines = together(also="atyrau")
    lines["sentinel"] = lines["aktau"]
    (silence,) = silences(fleet(lines))
    assert (silence.is_ours_excluded, silence.log10_lr) == (False, 0.0)
    assert "collector" in silence.text


def test_a_sentinel_that_left_long_ago_says_nothing_of_us() -> None:
    lines = together(also="sentinel-old")
    lines["sentinel-old"] = "r" * 20
    assert silences(fleet(lines))[0].is_ours_excluded


def test_without_anybody_else_heard_it_may_be_us() -> None:
    lines = {name: letters for name, letters in together().items() if name != "sentinel"}
    (silence,) = silences(fleet(lines))
    assert (silence.is_ours_excluded, silence.log10_lr) == (False, 0.0)


def test_silence_that_follows_the_version_of_the_software_may_be_us() -> None:
    lines = together(also="atyrau")
    of_silent = dict.fromkeys(TOWNS, "2")
    (silence,) = silences(fleet(lines, versions=of_silent))
    assert (silence.is_ours_excluded, silence.log10_lr) == (False, 0.0)
    (mixed,) = silences(fleet(lines, versions={**of_silent, "atyrau": "2"}))
    assert mixed.is_ours_excluded


def test_late_data_takes_the_silence_back() -> None:
    lines = together()
    late = [ran(town, i, late_s=86400 * 2) for town in TOWNS for i in range(DAYS, DAYS + 8)]
    rest = [ran(name, i) for name, letters in lines.items() for i, letter in enumerate(letters) if letter == "r"]
    assert len(silences(grid_of_passes([*late, *rest], [], as_of=slot(DAYS + 10)))) == 1
    assert silences(grid_of_passes([*late, *rest], [])) == ()


def test_slots_that_are_not_overdue_are_not_silent_yet() -> None:
    """Whoever uploads once a day is not silent in the evening of every day."""
    daily = [
        ran(town, i, late_s=timedelta(days=1).total_seconds() - (i % 96) * 900) for town in TOWNS for i in range(96 * 4)
    ]
    steady = [ran("sentinel", i) for i in range(96 * 4)]
    assert silences(grid_of_passes([*daily, *steady], [], as_of=slot(96 * 3.5))) == ()


def test_the_order_of_rows_changes_nothing() -> None:
    passes = [ran(name, i) for name, text in together(96).items() for i, letter in enumerate(text) if letter == "r"]
    missed = [asleep("oral", 400)]
    expected = silences(grid_of_passes(passes, missed))
    random.Random(2).shuffle(passes)
    assert silences(grid_of_passes(passes, missed)) == expected


@pytest.mark.parametrize("chances", [[0.1, 0.5, 0.9], [0.01] * 5, [0.3, 0.0, 1.0, 0.7]])
def test_the_tail_is_that_of_every_outcome_counted(chances: list[float]) -> None:
    outcomes = list(itertools.product((0, 1), repeat=len(chances)))
    for count in range(len(chances) + 1):
        whole = sum(
            math.prod(p if hit else 1 - p for p, hit in zip(chances, outcome, strict=True))
            for outcome in outcomes
            if sum(outcome) >= count
        )
        assert at_least(count, chances) == pytest.approx(whole)


def test_under_independence_a_high_weight_is_rare() -> None:
    """Vantages that fall silent independently, at rates of their own: 10^0.5 must come in less than one of three."""
    draw = random.Random(11)
    high = 0
    for _ in range(40):
        lines = {}
        for town in TOWNS:
            rate, letters, up = draw.choice((0.01, 0.03, 0.1)), "r", True
            for _ in range(150):
                up = draw.random() > (rate if up else 0.7)
                letters += "r" if up else "."
            lines[town] = letters + "r"
        found = silences(fleet({**lines, "sentinel": "r" * 152}))
        high += any(silence.log10_lr > 0.5 for silence in found)
    assert high <= 4


def test_a_rate_without_history_is_certain_and_falls_with_it() -> None:
    bounds = [upper_bound(0, trials) for trials in (0, 4, 96, 960)]
    assert bounds[0] == 1.0
    assert bounds == sorted(bounds, reverse=True)
    assert upper_bound(0, 96) > 1 / 96


def test_evidence_of_a_chance_is_never_negative_and_never_more_than_its_inverse() -> None:
    assert log10_e(1.0) == 0.0
    assert log10_e(1e-6) == pytest.approx(3 - math.log10(2))
