"""``nameblind import series``: what observatories saw of a country, a region or a network, as outside evidence."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import Annotated

import typer
from rich.console import Console

from analysis.exchange.series_files import SCOPES, Given, read_series
from analysis.exchange.series_store import store_series
from probe.clock import SystemClock
from probe.commands.options import DEFAULT_DATABASE, Db
from probe.errors import UserError
from probe.store.database import Database


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="IODA, RIPEstat, RIPE Atlas (JSON), or CSV.")],
    db: Db = DEFAULT_DATABASE,
    *,
    scope: Annotated[
        str | None, typer.Option(help="What it is of, where the file does not say: country:KZ, asn:AS9198…")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="What was counted, where the file does not say.")] = None,
) -> None:
    """Store series of values that others measured, with the hash of the file that each came from.

    A value that is missing, null or NaN is kept as a gap, apart from zero. All
    files are read before anything is written; the same file again stores nothing new.

    Example: nameblind import series ioda-kz.json --db results.db
    """
    given = _given(scope, kind)
    found = [series for path in files for series in read_series(path, given)]
    with Database.open(db, create=True) as database:
        new = store_series(database, found, SystemClock().now())
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for series in found:
        gaps = sum(value is None for _, value in series.points)
        console.print(
            f"{series.source} {series.kind}, {series.scope_kind} {series.scope}: {len(series.points)} steps of "
            f"{series.step_s} s, {gaps} of them gaps"
        )
    console.print(f"{new} series stored, {len(found) - new} known already.")


def _given(scope: str | None, kind: str | None) -> Given:
    if scope is None:
        return Given(kind=kind)
    scope_kind, _, name = scope.partition(":")
    if scope_kind not in SCOPES or not name:
        raise UserError(f"--scope {scope!r}: expected one of {', '.join(SCOPES)}, a colon and a name, as in asn:AS9198")
    return Given(scope_kind, name, kind)
