"""The grid's cells counted by service, day, state and vantage: few enough rows to show months of a fleet at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from analysis.grid.cells import Kind, cells_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analysis.grid.cells import Grid


def daily_values(grid: Grid, services: Mapping[tuple[str, str], str]) -> Iterator[dict[str, object]]:
    """Give the values of the rows of table ``daily``, in order of its key.

    ``services``: the service of each vantage's targets; what is not in it (controls) is not counted.
    """
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for cell in cells_of(grid):
        service = services.get((cell.vantage_id, cell.target))
        if service is not None:
            is_measured = cell.kind in {Kind.RAN, Kind.FAILED}
            state = cell.why if is_measured else cell.kind
            counts[service, cell.slot_at.date().isoformat(), state, cell.vantage_id] += 1
    for (service, day, state, vantage_id), cells in sorted(counts.items()):
        yield {"service": service, "day": day, "state": state, "vantage_id": vantage_id, "cells": cells}
