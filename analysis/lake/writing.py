"""Adds to a lake what a database has and the lake lacks: ``TABLE/country=KZ/day=2011-12-16/part-000001-00.parquet``.

Rows are read along each vantage's hash chain, from where the last run ended, and
checked on the way. Late facts enter their own day, in files of their own. The
same database and the same earlier runs give the same bytes.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.lake.runs import RUNS, add, held, remove_unnamed
from analysis.tables.arrow import schema
from analysis.tables.dictionary import tables
from probe.errors import UserError
from probe.store.canonical import canonical_json
from probe.store.chain import START, WINDOW_ROWS, End, Row, ends, window
from probe.store.models import Vantage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

    from probe.store.database import Database

MOST_HELD: Final = 50_000
"""Rows in memory until they are written: some 100 MB."""

_WHEN: Final = ("slot_at", "started_at", "sampled_at", "checked_at", "ended_at")
"""Columns that say when a row happened, the first that a table has."""

Partition = tuple[str, str, str]
"""Table, country, day; no day for what has no time."""


def write_lake(database: Database, lake: Path, on_progress: Callable[[int], None] = lambda _: None) -> tuple[int, int]:
    """Add what is new; give the counts of rows and of files. ``UserError`` for a folder that is no lake."""
    try:
        lake.mkdir(parents=True, exist_ok=True)
        so_far = held(lake)
        (lake / RUNS).mkdir(exist_ok=True)  # what makes it a lake
        remove_unnamed(lake, so_far.files)
        with database.session() as session:
            return _write(session, lake, so_far.runs + 1, dict(so_far.ends), on_progress, database.place)
    except OSError as error:
        raise UserError(f"{lake} cannot be written: {error.strerror}; check the place and its room") from error


def _write(
    session: Session, lake: Path, run: int, from_: dict[str, End], on_progress: Callable[[int], None], place: str
) -> tuple[int, int]:
    waiting: dict[Partition, list[dict[str, Any]]] = defaultdict(list)
    files: dict[str, int] = {}
    reached = ends(session)
    count = flushes = 0
    for vantage_id, last in reached.items():
        country, day = "", ""
        for row in _rows(session, vantage_id, from_.get(vantage_id, START), last, place):
            country = country or _country(session, vantage_id)
            day = _day(row.values) or day
            waiting[row.table.name, country, "" if row.table.name == Vantage.__tablename__ else day].append(row.values)
            count += 1
            if count % MOST_HELD == 0:
                flushes = _flush(waiting, lake, run, flushes, files)
                on_progress(MOST_HELD)
    _flush(waiting, lake, run, flushes, files)
    on_progress(count % MOST_HELD)
    if files:
        add(lake, run, files, reached)
    return count, len(files)


def _rows(session: Session, vantage_id: str, start: End, last: End, place: str) -> Iterator[Row]:
    """Give the rows of a chain after ``start``, each of which follows from the one before."""
    end = start
    while end.chain_seq < last.chain_seq:
        rows = window(session, vantage_id, end.chain_seq + 1, min(end.chain_seq + WINDOW_ROWS, last.chain_seq))
        for row in rows:
            if not row.is_after(end):
                raise UserError(
                    f"{place}: place {end.chain_seq + 1} of vantage {vantage_id} does not follow from what the lake "
                    "holds; `nameblind verify --db` says if it was altered, and a new folder takes it from the start"
                )
            end = End(row.seq, row.sha256)
            yield row
        if not rows:
            raise UserError(f"{place}: the chain of vantage {vantage_id} is broken; `nameblind verify --db` says where")


def _country(session: Session, vantage_id: str) -> str:
    vantage = session.get(Vantage, vantage_id)
    return vantage.country if vantage else ""


def _day(values: dict[str, Any]) -> str | None:
    """Give the day (UTC) of a row; ``None`` where it does not say: it then stands with the row before."""
    when = next((values[name] for name in _WHEN if isinstance(values.get(name), datetime)), None)
    return None if when is None else f"{when:%Y-%m-%d}"


def _flush(
    waiting: dict[Partition, list[dict[str, Any]]], lake: Path, run: int, flushes: int, files: dict[str, int]
) -> int:
    for (table, country, day), rows in sorted(waiting.items()):
        folder = lake / table / f"country={country}" / (f"day={day}" if day else "")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"part-{run:06}-{flushes:02}.parquet"
        pq.write_table(_arrow(table, rows), path, compression="zstd")
        files[path.relative_to(lake).as_posix()] = len(rows)
    waiting.clear()
    return flushes + 1


def _arrow(table: str, rows: list[dict[str, Any]]) -> pa.Table:
    of = tables()[table]
    types = schema(of)
    return pa.table(
        [
            pa.array([_plain(row[column.name], column.kind) for row in rows], type=types.field(place).type)
            for place, column in enumerate(of.columns)
        ],
        schema=types,
    )


def _plain(value: Any, kind: str) -> Any:
    return canonical_json(value) if kind == "JSON" and value is not None else value
