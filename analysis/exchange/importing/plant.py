"""``nameblind import plant``: what the vantages' lines hang on, and what they share."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import Annotated

import typer
from rich.console import Console

from analysis.causes.plant_file import load
from analysis.causes.plant_store import store_plant
from probe.clock import SystemClock
from probe.commands.options import DEFAULT_DATABASE, Db
from probe.store.database import Database


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What lines hang on (YAML; docs/shared-risk.md).")],
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Store the shared-risk file of a database: ducts, exchanges, power, and who hangs on them.

    The next analysis weighs faults against orders with it. Where nothing is
    documented, lines count as sharing what fails, so that a file can only make an
    order easier to tell from a fault. A file that was there before is replaced.

    Example: nameblind import plant kazakhstan-plant.yaml --db results.db
    """
    plant, content = load(file)
    with Database.open(db, create=True) as database:
        is_new = store_plant(database, content, file.name, SystemClock().now())
    assumed = sum(element.source is None for element in plant.elements.values())
    Console(highlight=False, markup=False).print(
        f"{len(plant.elements)} elements ({assumed} assumed), {len(plant.lines)} statements on lines, "
        f"{len(plant.independent)} on independence: {'stored' if is_new else 'known already'}."
    )
