"""The counts over columns are those of a loop over what the analysis reads."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl
from sqlalchemy import select

from analysis.frames.outcomes import SERIES, outcomes
from analysis.reading import read_cycles
from probe.store import models
from probe.store.database import Database
from tests.analysis.fact_builder import CycleBuilder, failed, plus_pairs, reached, sentinel_cycle, store

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session


def frame(session: Session, model: type[models.Base], *names: str) -> nw.LazyFrame[Any]:
    columns = [model.__table__.c[name] for name in names]
    rows = [tuple(row) for row in session.execute(select(*columns))]
    return nw.from_native(pl.DataFrame(rows, schema=list(names), orient="row", infer_schema_length=None).lazy())


def test_counts_are_those_of_a_loop(tmp_path: Path) -> None:
    cycles = []
    for index in range(3):
        builder = CycleBuilder(index=index).controls(pairs=[("sni", "helper", None, None)])
        builder.add("news.example.com", failed("tls") if index == 1 else reached(), pairs=plus_pairs(5))
        cycles += [builder.build(), sentinel_cycle(index=index)]
    with Database.open(str(tmp_path / "facts.db"), create=True) as database:
        store(database, cycles)
        with database.session() as session:
            read = read_cycles(session)
            counted = outcomes(
                frame(session, models.Cycle, "cycle_id", "slot_at"),
                frame(session, models.Measurement, "measurement_id", "cycle_id", "vantage_id", "target"),
                frame(
                    session,
                    models.Observation,
                    "measurement_id",
                    "operation",
                    "failure",
                    "technique",
                    "pair_id",
                    "way",
                ),
            )
            found = counted.collect().to_native()  # fmt: skip
    steps: Counter[tuple[object, ...]] = Counter()
    fails: Counter[tuple[object, ...]] = Counter()
    for cycle in read:
        for measurement in cycle.measurements:
            for step in measurement.steps:
                key = (measurement.vantage_id, measurement.target, cycle.slot_at, step.operation)
                steps[key] += 1
                fails[key] += step.failure is not None
    assert sum(fails.values()) > 0
    assert {
        tuple(row[name] for name in SERIES): (row["steps"], row["failed"]) for row in found.iter_rows(named=True)
    } == {key: (steps[key], fails[key]) for key in steps}
