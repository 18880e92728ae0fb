"""``nameblind export csv``: the views and the conclusions as CSV files."""

from __future__ import annotations

from analysis.tables.options import Folder, Force, Only, export
from analysis.tables.writing import csv_table
from probe.commands.options import DEFAULT_DATABASE, Db


def command(folder: Folder, db: Db = DEFAULT_DATABASE, *, table: Only = None, force: Force = False) -> None:
    """Write each view and each table of conclusions as a CSV file, with a data dictionary.

    Text that a spreadsheet would run as a formula gets a ' before it, and what is
    invisible is spelt out, as <U+0000>; Parquet has every character as it was.
    Rows are sorted: the same database gives the same bytes.

    Example: nameblind export csv out --db results.db --table v_state --table event
    """
    export(folder, db, table, csv_table, is_forced=force)
