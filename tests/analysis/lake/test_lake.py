"""A lake holds every row of a database once, in its day, however often and whenever it is written."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest
from sqlalchemy import func, select

from analysis.lake import writing
from analysis.lake.runs import PART
from analysis.lake.writing import write_lake
from nameblind.cli import main
from probe.errors import UserError
from probe.store.database import Database
from probe.store.models import FACTS
from tests.probe.store.example_facts import NOON, blobs, full_cycle, vantage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    with Database.open(str(tmp_path / "results.db"), create=True) as made:
        for name, country in (("almaty", "KZ"), ("bishkek", "KG")):
            made.append(name, [vantage(name, country=country)])
            for number in range(3):
                made.append(name, full_cycle(number, name), blobs())
        yield made


def counts(store: Database) -> dict[str, int]:
    with store.session() as session:
        found = {fact.__tablename__: session.scalar(select(func.count()).select_from(fact)) for fact in FACTS}
    return {name: count for name, count in found.items() if count}


def in_lake(lake: Path) -> dict[str, int]:
    frames = {
        folder.name: pl.scan_parquet(folder / "**/*.parquet", hive_partitioning=True)
        for folder in lake.iterdir()
        if folder.name != "runs"
    }
    return {name: frame.select(pl.len()).collect().item() for name, frame in frames.items()}


def files(lake: Path) -> dict[str, bytes]:
    return {path.relative_to(lake).as_posix(): path.read_bytes() for path in lake.rglob("*") if path.is_file()}


def test_every_row_is_there_once_under_its_country_and_day(store: Database, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    rows, _ = write_lake(store, lake)
    assert in_lake(lake) == counts(store)
    assert rows == sum(counts(store).values())
    day = f"{NOON:%Y-%m-%d}"
    observations = pl.scan_parquet(lake / "observation/**/*.parquet", hive_partitioning=True).collect()
    assert set(observations["country"]) == {"KZ", "KG"}
    assert set(observations["day"].cast(pl.String)) == {day}
    assert {name for name, country in observations.select("vantage_id", "country").rows() if country == "KG"} == {
        "bishkek"
    }


def test_a_second_run_adds_nothing_and_a_third_what_is_new_in_its_own_day(store: Database, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    write_lake(store, lake)
    before = files(lake)
    assert write_lake(store, lake) == (0, 0)
    assert files(lake) == before
    late = full_cycle(7, "almaty")
    for row in late:
        for name in ("slot_at", "started_at", "ended_at", "sampled_at", "checked_at", "noticed_at"):
            if getattr(row, name, None) is not None:
                setattr(row, name, NOON - timedelta(days=45))
    store.append("almaty", late)
    rows, _ = write_lake(store, lake)
    assert rows == len(late)
    assert in_lake(lake) == counts(store)
    added = [name for name in files(lake) if name not in before and name.endswith(".parquet")]
    assert all(f"day={NOON - timedelta(days=45):%Y-%m-%d}" in name for name in added)
    assert {name: content for name, content in files(lake).items() if name in before} == before


def test_what_a_run_that_was_cut_off_left_is_not_there_twice(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = tmp_path / "lake"
    with monkeypatch.context() as patched:
        patched.setattr(writing, "add", _cut_off)
        with pytest.raises(KeyboardInterrupt):
            write_lake(store, lake)
    assert list(lake.glob(PART))
    store.append("almaty", full_cycle(8, "almaty"))
    write_lake(store, lake)
    assert in_lake(lake) == counts(store)


def _cut_off(*_: object) -> None:
    raise KeyboardInterrupt


def test_rows_are_written_before_there_are_too_many_in_memory(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_HELD", 20)
    write_lake(store, tmp_path / "lake")
    assert in_lake(tmp_path / "lake") == counts(store)
    assert len({path.name for path in (tmp_path / "lake").glob(PART)}) > 2


def test_the_same_database_gives_the_same_bytes(store: Database, tmp_path: Path) -> None:
    write_lake(store, tmp_path / "one")
    write_lake(store, tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_another_history_and_another_folder_are_refused(store: Database, tmp_path: Path) -> None:
    write_lake(store, tmp_path / "lake")
    with Database.open(str(tmp_path / "other.db"), create=True) as other:
        other.append("almaty", [vantage("almaty", country="KZ")])
        for number in range(9):
            other.append("almaty", full_cycle(20 + number, "almaty"), blobs())
        with pytest.raises(UserError, match="does not follow from what the lake holds"):
            write_lake(other, tmp_path / "lake")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is no lake"):
        write_lake(store, tmp_path / "letters")


def test_the_command_says_what_it_added(store: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "lake", str(tmp_path / "lake"), "--db", store.place]) == 0
    assert f"{sum(counts(store).values())} rows more" in capsys.readouterr().out
    (tmp_path / "lake" / "runs" / "000001.json").write_text("[" * 5000)
    assert main(["export", "lake", str(tmp_path / "lake"), "--db", store.place]) == 1
    assert "is not what this program writes" in capsys.readouterr().err
