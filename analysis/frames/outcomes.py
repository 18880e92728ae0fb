"""How often the steps of a series failed in a slot: counts over whole columns, no judgement.

The frames have the columns of the tables that they are named after (the page on
the schema); any engine that Narwhals knows lazily will do. Failures within pairs
and in closer looks are left out, as they are from a measurement's outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

if TYPE_CHECKING:
    from collections.abc import Iterable

SERIES = ("vantage_id", "target", "slot_at", "operation")
"""What a row of the counts stands for; cycles without a slot are counted under null."""
_CONTINUING = ("retry", "resolvers")


def outcomes(
    cycles: nw.LazyFrame[Any], measurements: nw.LazyFrame[Any], observations: nw.LazyFrame[Any]
) -> nw.LazyFrame[Any]:
    """Count, for every series, slot and operation, the routine steps and those that failed: ``steps``, ``failed``."""
    continuing = nw.col("technique").is_null() | nw.col("technique").is_in(_CONTINUING)
    routine = observations.filter(nw.col("pair_id").is_null() & nw.col("way").is_null() & continuing)
    made = _only(measurements, ("measurement_id", "cycle_id", "vantage_id", "target"))
    placed = made.join(_only(cycles, ("cycle_id", "slot_at")), on="cycle_id", how="inner")
    steps = _only(routine, ("measurement_id", "operation", "failure")).join(placed, on="measurement_id", how="inner")
    has_failed = nw.when(nw.col("failure").is_null()).then(nw.lit(0)).otherwise(nw.lit(1))
    return (
        steps.with_columns(step=nw.lit(1), has_failed=has_failed)
        .group_by(*SERIES)
        .agg(steps=nw.col("step").sum(), failed=nw.col("has_failed").sum())
    )


def _only(frame: nw.LazyFrame[Any], columns: Iterable[str]) -> nw.LazyFrame[Any]:
    return frame.select(*(nw.col(name) for name in columns))
