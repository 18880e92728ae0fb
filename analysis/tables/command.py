"""``nameblind sql``: ask the database, without being able to change it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.tables.asking import TIMEOUT_S, ask
from analysis.tables.dictionary import named, tables
from analysis.tables.showing import show, write_csv, write_json
from probe.commands.options import DEFAULT_DATABASE, AsJson, Db
from probe.errors import UserError
from probe.store.database import Database

ALL = "all"


def sql(
    question: Annotated[
        str | None,
        typer.Argument(metavar="SELECT", help="One statement; without it, or as -, it is read from standard input."),
    ] = None,
    db: Db = DEFAULT_DATABASE,
    *,
    about: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What a table's columns mean; `all` lists the tables.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, harmless to spreadsheets.")] = False,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="Stop a question after this time.", min=0.1)] = (
        TIMEOUT_S
    ),
) -> None:
    """Ask the database in SQL. It is opened for reading alone: nothing can be changed.

    Views begin with v_ and are the contract: v_measurement, v_state, v_outage, v_pair,
    v_step, v_slot and others. Times are UTC. A table shows the first rows; --csv and
    --json give all of them.

    Example: nameblind sql --about v_state

    Example: nameblind sql "SELECT target, state, count(*) FROM v_state GROUP BY 1, 2"
    """
    if about is not None:
        _describe(about)
        return
    if as_json and as_csv:
        raise UserError("--json and --csv are two ways of printing: choose one.")
    if question in {None, "-"}:
        if sys.stdin.isatty():
            raise UserError('Ask something: nameblind sql "SELECT …"; the tables: nameblind sql --about all.')
        question = sys.stdin.read()
    if not (question or "").strip():
        raise UserError('There is no question: nameblind sql "SELECT …"; the tables: nameblind sql --about all.')
    with Database.open_for_reading(db) as database, ask(database, question or "", timeout) as answer:
        if as_json:
            write_json(answer, sys.stdout)
        elif as_csv:
            write_csv(answer, sys.stdout)
        else:
            show(answer, Console())


def _describe(name: str) -> None:
    console = Console()
    shown = Table(title=None if name == ALL else Text(named([name])[0].about), title_justify="left")
    if name == ALL:
        for heading in ("table", "of", "what a row is"):
            shown.add_column(heading, overflow="fold")
        for table in sorted(tables().values(), key=lambda table: not table.name.startswith("v_")):
            shown.add_row(Text(table.name), table.chapter, Text(table.about))
    else:
        for heading in ("column", "type", "unit", "meaning"):
            shown.add_column(heading, overflow="fold")
        for column in named([name])[0].columns:
            shown.add_row(Text(column.name), column.kind, column.unit, Text(column.meaning))
    console.print(shown)
