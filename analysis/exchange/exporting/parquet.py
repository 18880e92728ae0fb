"""``nameblind export parquet``: the views and the conclusions as Parquet files."""

from __future__ import annotations

from importlib.util import find_spec

from analysis.tables.options import Folder, Force, Only, export
from analysis.tables.writing import parquet_table
from probe.commands.options import DEFAULT_DATABASE, Db
from probe.errors import UserError


def command(folder: Folder, db: Db = DEFAULT_DATABASE, *, table: Only = None, force: Force = False) -> None:
    """Write each view and each table of conclusions as a Parquet file, with a data dictionary.

    Instants are UTC, JSON is text; every column carries its unit and its meaning.
    Rows are sorted: the same database gives the same bytes.

    Example: nameblind export parquet out --db results.db
    """
    if find_spec("pyarrow") is None:
        raise UserError("Parquet needs a library that is not installed: pip install 'nameblind[tables]'.")
    export(folder, db, table, parquet_table, is_forced=force)
