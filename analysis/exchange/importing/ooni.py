"""``nameblind import ooni``: OONI's measurements become facts."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import select

from analysis.exchange.documents import Refused, documents, files_of
from analysis.exchange.ooni.fields import UnfitError
from analysis.exchange.ooni.measurement import read
from analysis.exchange.ooni.storing import Storing
from probe import fingerprints
from probe.commands.options import DEFAULT_DATABASE, AsJson, Db
from probe.errors import UserError
from probe.store import models
from probe.store.database import Database
from probe.vantage import LAB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probe.fingerprints import Fingerprints

_MIXED = "what a lab made never mixes with what was measured: use another database"
SHOWN = 20
"""Refused measurements named one by one; all are counted."""


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="JSON, JSON lines, gzip of either; or folders.")],
    db: Db = DEFAULT_DATABASE,
    *,
    known_pages: Annotated[
        list[Path] | None,
        typer.Option("--fingerprints", metavar="FILE", help="A list of known block pages (CSV), as schedules name."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Store OONI measurements as facts, beside our own or in a database of their own.

    The probe becomes a vantage of its country and network, and OONI's test helper,
    which was asked at the same moment from outside, a sentinel. Importing a file
    again stores nothing new. What cannot be read is counted with its reason, and
    stops nothing.

    Example: nameblind import ooni 2024-02-12.jsonl.gz --db ooni.db && nameblind analyze --db ooni.db
    """
    paths = files_of(files)
    with Database.open(db, create=True) as database:
        storing, refused = import_files(paths, database, _fingerprints(known_pages or []))
    reasons = Counter(one.reason for one in refused)
    if as_json:
        told = {
            "files": len(paths),
            "stored": storing.stored,
            "known": storing.known,
            "refused": len(refused),
            "reasons": dict(sorted(reasons.items())),
            "vantages": sorted(storing.vantages),
        }
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{storing.stored} measurement(s) stored, {storing.known} known already, {len(refused)} refused.")
    for one in refused[:SHOWN]:
        console.print(f"  {one.place}: {one.reason}")
    if len(refused) > SHOWN:
        console.print(f"  and {len(refused) - SHOWN} more: --json counts them by reason")


def import_files(
    paths: Iterable[Path], database: Database, known: Fingerprints = fingerprints.NO_FINGERPRINTS
) -> tuple[Storing, list[Refused]]:
    """Store every measurement of the files; give what was stored and what was refused."""
    storing, is_of_lab = Storing(database), _is_of_lab(database)
    refused: list[Refused] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for path in progress.track(list(paths), description="importing"):
            for document in documents(path):
                if isinstance(document, Refused):
                    refused.append(document)
                    continue
                try:
                    imported = read(document.value, known)
                    is_of_lab = imported.is_of_lab if is_of_lab is None else is_of_lab
                    if imported.is_of_lab is is_of_lab:
                        storing.add(imported)
                    else:
                        refused.append(Refused(document.place, _MIXED))
                except UnfitError as error:
                    refused.append(Refused(document.place, str(error)))
        storing.finish()
    return storing, refused


def _is_of_lab(database: Database) -> bool | None:
    """Tell whether the database holds what a lab made; ``None`` where it holds nothing yet."""
    with database.session() as session:
        source = session.scalar(select(models.Cycle.clock_source).limit(1))
    return None if source is None else source == LAB


def _fingerprints(files: list[Path]) -> Fingerprints:
    lists = []
    for file in files:
        try:
            lists.append(fingerprints.read(file.read_bytes()))
        except (OSError, ValueError) as error:
            raise UserError(f"{file} cannot be read as a list of known block pages: {error}") from error
    return fingerprints.joined(lists)
