"""``nameblind export lake``: facts as Parquet by country and day, of which each run adds what is new."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import Annotated

import typer

from probe.commands.options import DEFAULT_DATABASE, Db
from probe.errors import UserError


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or the lake of an earlier run.")],
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Add to a lake of Parquet files what the database has and it lacks.

    One folder a table, in it one a country and one a day (UTC): DuckDB, Polars and Spark read them as partitions. Run
    it as often as you like. Late facts enter their own day. What a run that was cut off left is removed by the next.

    Example: nameblind export lake lake --db postgresql://collector@/nameblind
    """
    if find_spec("pyarrow") is None:
        raise UserError("Parquet needs a library that is not installed: pip install 'nameblind[tables]'.")
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from analysis.lake.runs import held
    from analysis.lake.writing import write_lake
    from probe.store.chain import ends
    from probe.store.database import Database

    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn())
    with Database.open_for_reading(db) as database:
        with database.session() as session:
            total = sum(end.chain_seq for end in ends(session).values())
        total -= sum(end.chain_seq for end in held(folder).ends.values())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("", total=max(total, 0))
            rows, files = write_lake(database, folder, lambda some: progress.advance(task, some))
    typer.echo(f"{folder}: {rows} rows more, in {files} files")
