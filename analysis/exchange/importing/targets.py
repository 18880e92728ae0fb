"""``nameblind import targets``: a test list becomes a schedule's targets."""

from __future__ import annotations

import os
import re
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import Annotated

import typer
from rich.console import Console

from analysis.exchange.targets import read_list, schedule_text
from probe.errors import UserError
from probe.schedule.loader import load

SHOWN = 50


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A test list as Citizen Lab publishes them (CSV).")],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The schedule to write; it must not exist yet.")],
    category: Annotated[
        list[str] | None, typer.Option(help="Only rows of this category code, such as NEWS. May be given again.")
    ] = None,
) -> None:
    """Make the skeleton of a schedule out of a test list.

    Rows that no schedule may hold are named with their line and left out. Before
    anything is measured, write where you are into the file, and look at it with
    `nameblind plan`.

    Example: nameblind import targets kz.csv --category NEWS --out schedules/kz-news.yaml
    """
    if out.exists():
        raise UserError(f"{out} exists already: name another file with --out")
    listed, wrong = read_list(file, category or ())
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", out.stem).strip("-_") or "test-list"
    _write(out, schedule_text(name[:100], listed))
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{len(listed)} target(s) written to {out}, {len(wrong)} row(s) left out.")
    for row in wrong[:SHOWN]:
        console.print(f"  {file}:{row.line}: {row.reason}")
    if len(wrong) > SHOWN:
        console.print(f"  and {len(wrong) - SHOWN} more")


def _write(out: Path, text: str) -> None:
    """Write the file whole or not at all, and only one that loads."""
    beside = out.with_name(f".{out.name}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        load(beside)
        os.replace(beside, out)  # noqa: PTH105 - it replaces what it finds, and says so
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}; check the folder") from error
    finally:
        beside.unlink(missing_ok=True)
