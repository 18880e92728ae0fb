"""The grid counted by day: nothing is lost, gaps keep their own names, controls are not counted."""

from __future__ import annotations

from collections import Counter
from typing import cast

from analysis.grid import cells_of, daily_values
from tests.analysis.fleets import TARGETS, fleet


def test_every_cell_of_a_target_is_counted_once_under_its_state_or_gap() -> None:
    grid = fleet({"almaty": "rrrfzr", "aktau": "rr..rr"})
    services = {(name, target): f"of {target}" for name in ("almaty", "aktau") for target in TARGETS[:1]}
    counted: Counter[tuple[str, str]] = Counter()
    for row in daily_values(grid, services):
        counted[str(row["vantage_id"]), str(row["state"])] += cast("int", row["cells"])
        assert row["service"] == f"of {TARGETS[0]}"
    expected = Counter(
        (cell.vantage_id, cell.why if cell.kind in {"ran", "failed"} else cell.kind)
        for cell in cells_of(grid)
        if cell.target == TARGETS[0]
    )
    assert counted == expected
    assert counted["aktau", "not-yet-heard"] == 2
    assert counted["almaty", "missed"] == 1
