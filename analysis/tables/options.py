"""What ``export parquet`` and ``export csv`` have in common: their options, and what they say in the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import select

from analysis.tables.dictionary import named, offered
from analysis.tables.writing import DICTIONARY, write_folder
from probe.store import models
from probe.store.database import Database

if TYPE_CHECKING:
    from analysis.tables.writing import Write

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--table", metavar="NAME", help="This table or view alone; may be given again.", show_default=False),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an earlier export.")]


def export(folder: Path, db: str, only: list[str] | None, write: Write, *, is_forced: bool) -> None:
    """Write the folder, and say what is in it."""
    some = named(only) if only else offered()
    with Database.open_for_reading(db) as database:
        rows = write_folder(database, some, folder, write, is_forced=is_forced)
        with database.session() as session:
            has_conclusions = session.scalar(select(models.Analysis.analysis_id)) is not None
    typer.echo(f"{rows} row(s) of {len(some)} table(s) written to {folder}; {DICTIONARY} says what each column means.")
    if not has_conclusions:
        typer.echo(f"There are no conclusions among them yet: run `nameblind analyze --db {db}` first.")
