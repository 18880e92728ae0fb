"""The tables as data frames hold what the database holds, with its types, and cannot change it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest

import nameblind
from analysis.tables.dictionary import tables
from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from analysis.tables.results import Results

METHODS = {
    "measurements": "v_measurement",
    "states": "v_state",
    "steps": "v_step",
    "pairs": "v_pair",
    "outages": "v_outage",
    "slots": "v_slot",
    "events": "event",
    "evidence": "evidence",
    "grid": "grid",
}


@pytest.fixture
def results(told: Path) -> Iterator[Results]:
    with nameblind.read(told) as opened:
        yield opened


@pytest.mark.parametrize(("method", "table"), METHODS.items())
def test_each_method_gives_its_table_whole(method: str, table: str, results: Results) -> None:
    frame = getattr(results, method)()
    assert frame.columns == [column.name for column in tables()[table].columns]
    assert frame.height == results.sql(f"SELECT count(*) AS n FROM {table}").item()


def test_every_documented_table_can_be_read(results: Results) -> None:
    for name in tables():
        assert results.table(name).width == len(tables()[name].columns)


def test_instants_are_utc_and_booleans_are_booleans(results: Results) -> None:
    frame = results.measurements()
    assert frame.schema["slot_at"] == pl.Datetime("us", "UTC")
    assert frame.schema["is_answering"] == pl.Boolean
    assert frame.filter(pl.col("vantage_id") == "almaty")["slot_at"].min() == datetime(2011, 12, 16, 6, tzinfo=UTC)


def test_what_was_blocked_where_and_when(results: Results) -> None:
    blocked = results.states().filter(state="blocked")
    assert blocked.group_by("vantage_id", "target").len().rows() == [("almaty", "x.com", 2)]


def test_the_dictionary_says_what_every_column_means(results: Results) -> None:
    frame = results.dictionary()
    assert frame.height == sum(len(table.columns) for table in tables().values())
    assert frame.filter(table="v_step", column="duration_s")["unit"].item() == "seconds"


def test_it_cannot_write(results: Results) -> None:
    with pytest.raises(UserError, match="only a SELECT"):
        results.sql("DELETE FROM state")


def test_a_table_that_is_not_there_is_refused(results: Results) -> None:
    with pytest.raises(UserError, match="There is no table 'v_nothing'"):
        results.table("v_nothing")


def test_a_probe_does_not_load_the_libraries_of_analysts() -> None:
    code = "import sys, nameblind; print(*[m for m in ('polars', 'pyarrow', 'sqlalchemy') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.strip() == ""
