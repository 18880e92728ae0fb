"""Every vantage, target and slot has a cell: what was heard, what was missed, and what nobody heard of."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from analysis.facts import SelfFacts
from analysis.grid import cells_of, grid_of, grid_of_passes, summary_of
from analysis.grid.rounds import MOST_SILENT, cadence_of
from tests.analysis.fact_builder import CycleBuilder, failed, reached
from tests.analysis.fleets import QUARTER, START, TARGETS, asleep, fleet, ran, slot

if TYPE_CHECKING:
    from analysis.grid import Grid


def picture(grid: Grid, name: str, target: str = TARGETS[0]) -> str:
    """Draw a vantage's cells of one target again."""
    letters = {"ran": "r", "failed": "f", "missed": "z", "not-yet-heard": "."}
    cells = [cell for cell in cells_of(grid) if (cell.vantage_id, cell.target) == (name, target)]
    assert [cell.slot_at for cell in cells] == sorted(cell.slot_at for cell in cells)
    return "".join(letters[cell.kind] for cell in cells)


def test_every_slot_of_every_vantage_has_a_cell_for_every_target() -> None:
    lines = {"almaty": "rrrfzr", "aktau": "rr..rr", "sentinel": "rrrrrr"}
    grid = fleet(lines)
    for name, letters in lines.items():
        for target in TARGETS:
            assert picture(grid, name, target) == letters
    assert len(list(cells_of(grid))) == 3 * 6 * len(TARGETS)


def test_silence_after_the_last_word_goes_on_to_the_last_slot_of_anybody() -> None:
    grid = fleet({"almaty": "rrr", "sentinel": "rrrrrrrr"})
    assert picture(grid, "almaty") == "rrr....."
    assert grid.end == slot(7)


def test_nothing_is_asked_of_a_vantage_before_its_first_word() -> None:
    assert picture(fleet({"almaty": "...rrr", "sentinel": "rrrrrr"}), "almaty") == "rrr"


def test_a_cell_says_why_it_was_missed_and_which_state_it_failed_with() -> None:
    passes = [
        ran("almaty", 0),
        ran("almaty", 1, found={TARGETS[0]: "blocked"}),
        ran("almaty", 2, found={TARGETS[0]: "ok"}, outcome="interrupted"),
        ran("almaty", 3, found={TARGETS[0]: "ok"}, outcome=None),
    ]
    grid = grid_of_passes(passes, [asleep("almaty", 4, "disk_full")])
    said = {(cell.slot_at, cell.target): (cell.kind, cell.why) for cell in cells_of(grid)}
    assert said[slot(0), TARGETS[1]] == ("ran", "ok")
    assert said[slot(1), TARGETS[0]] == ("failed", "blocked")
    assert said[slot(1), TARGETS[1]] == ("missed", "left-out")
    assert said[slot(2), TARGETS[1]] == ("missed", "interrupted")
    assert said[slot(3), TARGETS[1]] == ("missed", "unfinished")
    assert said[slot(4), TARGETS[1]] == ("missed", "disk_full")


def test_a_vantage_that_measured_after_all_ran_whatever_it_said_it_missed() -> None:
    grid = grid_of_passes([ran("almaty", 0), ran("almaty", 1)], [asleep("almaty", 1)])
    assert picture(grid, "almaty") == "rr"


def test_a_target_that_the_schedule_drops_is_asked_for_no_longer() -> None:
    passes = [ran("almaty", 0, plan="a"), ran("almaty", 1, plan="a")]
    passes += [ran("almaty", i, plan="b", found={TARGETS[0]: "ok"}) for i in (2, 3)]
    passes += [ran("sentinel", i) for i in range(6)]
    grid = grid_of_passes(passes, [])
    assert picture(grid, "almaty", TARGETS[0]) == "rrrr.."
    assert picture(grid, "almaty", TARGETS[1]) == "rr"


def test_late_data_reopens_its_own_time_and_shows_how_late_it_was() -> None:
    passes = [ran("almaty", i, late_s=86400 if i == 3 else 300) for i in range(8)]
    before, after = slot(8), slot(3) + timedelta(days=1)
    assert picture(grid_of_passes(passes, [], as_of=before), "almaty")[:8] == "rrr.rrrr"
    known_later = grid_of_passes(passes, [], as_of=after)
    assert picture(known_later, "almaty")[:8] == "rrrrrrrr"
    late = {cell.slot_at: cell.late_s for cell in cells_of(grid_of_passes(passes, []))}
    assert (late[slot(3)], late[slot(4)]) == (86400, 300)


def test_the_grid_as_of_a_moment_forgets_all_that_came_later() -> None:
    passes = [ran("almaty", i) for i in range(8)]
    half = grid_of_passes(passes, [], as_of=slot(4))
    assert half == grid_of_passes([one for one in passes if one.slot_at < slot(4)], [], as_of=slot(4))
    assert picture(half, "almaty") == "rrrr."


def test_what_claims_a_slot_after_its_own_arrival_has_no_place() -> None:
    """A clock that was a year ahead would make everybody else silent for a year."""
    passes = [ran("almaty", i) for i in range(4)]
    future = replace(ran("aktau", 1), slot_at=slot(1) + timedelta(days=365))
    grid = grid_of_passes([*passes, ran("aktau", 0), future], [])
    assert grid.end == slot(3)


def test_a_database_whose_own_clock_was_behind_keeps_its_rows() -> None:
    passes = [ran("almaty", i, late_s=-86400) for i in range(4)]
    assert picture(grid_of_passes(passes, []), "almaty") == "rrrr"


def test_a_vantage_that_left_is_not_asked_for_ever() -> None:
    passes = [ran("aktau", i) for i in range(3)]
    far = 400 * 96
    passes += [ran("sentinel", i) for i in (far, far + 1, far + 2)]
    silent = picture(grid_of_passes(passes, []), "aktau").count(".")
    assert silent == MOST_SILENT / QUARTER
    came_back = picture(grid_of_passes([*passes, ran("aktau", far)], []), "aktau")
    assert came_back.startswith("rrr.")
    assert came_back.endswith(".r..")
    assert came_back.count(".") == MOST_SILENT / QUARTER - 1 + 2


def test_cycles_by_hand_have_no_rhythm_and_demand_nothing_of_their_own() -> None:
    by_hand = [ran("almaty", i) for i in (0, 7, 30, 31, 80)]
    assert cadence_of([one.slot_at for one in by_hand]) is None
    assert picture(grid_of_passes([*by_hand, ran("aktau", 50)], []), "almaty") == "rrrrr"


def test_slots_without_a_rhythm_are_asked_for_where_two_others_were_heard() -> None:
    chosen = (0, 7, 30, 31, 80)
    passes = [ran(name, i) for name in ("almaty", "astana", "sentinel") for i in chosen]
    passes += [ran("aktau", i) for i in chosen[:2]]
    assert picture(grid_of_passes(passes, []), "aktau") == "rr..."


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [([1, 1, 1], 1), ([1, 1, 40], 1), ([1, 2, 1, 2], 1), ([4], None), ([], None), ([1, 2, 3], None)],
)
def test_a_cadence_is_a_gap_that_is_half_of_all(gaps: list[int], expected: int | None) -> None:
    slots = [START]
    for gap in gaps:
        slots.append(slots[-1] + gap * QUARTER)
    assert cadence_of(slots) == (None if expected is None else expected * QUARTER)


def test_a_wrong_clocks_slot_is_put_right_with_its_start() -> None:
    behind = CycleBuilder(index=4).add(TARGETS[0], reached()).build()
    behind = replace(
        behind,
        slot_at=slot(0),
        itself=SelfFacts(clock_offset_s=-3600.4, clock_offset_source="http-date"),
    )
    assert grid_of([behind], (), {}).lines["almaty"].rounds[0].slot_at == slot(4)


def test_cells_of_facts_carry_the_states_that_were_concluded() -> None:
    cycle = CycleBuilder().controls().add("a.example", reached()).add("b.example", failed("tcp")).build()
    states = {m.measurement_id: "blocked" if m.target == "b.example" else "ok" for m in cycle.measurements}
    kinds = {cell.target: (cell.kind, cell.why) for cell in cells_of(grid_of([cycle], (), states))}
    assert kinds["a.example"] == ("ran", "ok")
    assert kinds["b.example"] == ("failed", "blocked")
    assert kinds["egov.example.kz"] == ("ran", "ok")


def test_a_control_that_failed_in_one_round_failed() -> None:
    cycle = CycleBuilder().controls().build()
    last = [m for m in cycle.measurements if m.round == "last"]
    states = {m.measurement_id: "dark" if m in last else "ok" for m in cycle.measurements}
    assert Counter(cell.kind for cell in cells_of(grid_of([cycle], (), states))) == {"failed": 4}


def test_nothing_heard_is_an_empty_grid_and_one_cycle_is_one_slot() -> None:
    empty = grid_of_passes([], [])
    assert (list(cells_of(empty)), summary_of(empty)) == ([], {"until": None, "vantages": []})
    (line,) = summary_of(grid_of_passes([ran("almaty", 0)], []))["vantages"]
    assert (line["slots"], line["ran"], line["not_yet_heard"], line["cadence_s"]) == (1, 2, 0, None)


def test_a_vantage_that_only_ever_missed_has_slots_and_no_cells() -> None:
    grid = grid_of_passes([], [asleep("almaty", 0), asleep("almaty", 1)])
    assert (summary_of(grid)["vantages"][0]["slots"], list(cells_of(grid))) == (2, [])


def test_the_sums_are_those_of_the_cells() -> None:
    grid = fleet({"almaty": "rrrfzr", "aktau": "rr..rr", "sentinel": "rrrrrr"})
    for line in summary_of(grid)["vantages"]:
        counts = Counter(cell.kind for cell in cells_of(grid) if cell.vantage_id == line["vantage"])
        assert (line["ran"], line["failed"], line["not_yet_heard"], sum(line["missed"].values())) == (
            counts["ran"],
            counts["failed"],
            counts["not-yet-heard"],
            counts["missed"],
        )


def test_two_hundred_thousand_cells_take_less_than_two_seconds() -> None:
    many = dict.fromkeys((f"t{i:03d}.example" for i in range(50)), "ok")
    passes = [ran(name, i, found=many) for name in ("almaty", "astana") for i in range(1000)]
    passes += [ran(name, i, found=many) for name in ("aktau", "oral") for i in range(3)]
    started = time.process_time()
    assert sum(1 for _ in cells_of(grid_of_passes(passes, []))) >= 200_000
    assert time.process_time() - started < 2.0
