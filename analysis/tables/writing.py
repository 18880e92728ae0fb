"""A folder with a file for each table and the data dictionary beside them: whole, or not there at all.

The same rows give the same bytes. In CSV, no cell is a formula to a spreadsheet,
and nothing invisible is left in it: what cannot be shown is spelt out, as
``<U+0000>``. Who needs the very characters reads Parquet.
"""

from __future__ import annotations

import shutil
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from analysis.report.inert import csv_cell
from analysis.tables.dictionary import HEADINGS, rows_of
from analysis.tables.reading import batches
from probe.errors import UserError
from probe.store.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

    from analysis.tables.dictionary import Table
    from probe.store.database import Database

    Write = Callable[[Session, Table, Path], Iterator[int]]
    """(session, table, folder) -> writes the table's file, and gives the count of rows of each step."""

DICTIONARY: Final = "dictionary.csv"


def write_folder(
    database: Database, some: tuple[Table, ...], folder: Path, write: Write, *, is_forced: bool = False
) -> int:
    """Write a file for each table, and the dictionary; give the count of rows.

    ``UserError`` where something stands there, unless ``is_forced`` and it is an earlier export.
    """
    _check(folder, is_forced=is_forced)
    beside = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(beside, ignore_errors=True)  # what an export that was killed left
        beside.mkdir(mode=0o700)
        rows = _write_tables(database, some, beside, write)
        write_csv(beside / DICTIONARY, HEADINGS, rows_of(some))
        _put_in_place(beside, folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}; check the place and its room") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return rows


def csv_table(session: Session, of: Table, folder: Path) -> Iterator[int]:
    """Write ``TABLE.csv``; the first row names the columns."""
    with (folder / f"{of.name}.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(csv_line(column.name for column in of.columns))
        for rows in batches(session, of):
            file.writelines(csv_line(row) for row in rows)
            yield len(rows)


def parquet_table(session: Session, of: Table, folder: Path) -> Iterator[int]:
    """Write ``TABLE.parquet``, one group of rows after the other."""
    import pyarrow.parquet as pq

    from analysis.tables.arrow import record_batches, schema

    with pq.ParquetWriter(folder / f"{of.name}.parquet", schema(of), compression="zstd") as file:
        for batch in record_batches(session, of):
            file.write_batch(batch)
            yield batch.num_rows


def write_csv(path: Path, headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV file in UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(csv_line(headings))
        file.writelines(csv_line(row) for row in rows)


def csv_line(values: Iterable[Any]) -> str:
    """Give values as one line: NULL is nothing at all, the empty text is ``""``."""
    return ",".join(_cell(value) for value in values) + "\n"


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return _text_cell(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case bytes():
            return value.hex()
        case _:
            return _text_cell(canonical_json(value))


@lru_cache(maxsize=10_000)
def _text_cell(text: str) -> str:
    return csv_cell(text, len(text))


def _check(folder: Path, *, is_forced: bool) -> None:
    if not folder.parent.is_dir():
        raise UserError(f"{folder} cannot be written: the folder {folder.parent} does not exist; create it first")
    if not folder.exists():
        return
    if not is_forced:
        raise UserError(f"{folder} exists already: name a new folder, or replace an earlier export with --force")
    if not (folder / DICTIONARY).is_file():
        raise UserError(f"{folder} is not an earlier export, so --force does not replace it: name a new folder")


def _put_in_place(new: Path, folder: Path) -> None:
    """Move the new folder where the old one stood, which is removed after; a crash in between leaves both."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _write_tables(database: Database, some: tuple[Table, ...], folder: Path, write: Write) -> int:
    """Write all tables from one state of the database, and show how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rows]}"))
    written = 0
    with database.session() as session, Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("exporting", total=len(some), rows="")
        for table in some:
            progress.update(task, description=table.name)
            for count in write(session, table, folder):
                written += count
                progress.update(task, rows=f"{written} rows")
            progress.advance(task)
    return written
