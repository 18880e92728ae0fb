"""``nameblind report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    db: Annotated[str, typer.Option(help="Database: a file or a URL.")] = "results.db",
    service: Annotated[str | None, typer.Option(help="Report on this service alone.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the report: en, kk or ru.")] = "en",
    out: Annotated[Path, typer.Option(help="Folder to write the report to.")] = Path(),
) -> None:
    """Write a report that anyone can open and check: one HTML file, nothing fetched."""
    from sqlalchemy import select

    from analysis.report.catalogue import load
    from analysis.report.writing import write_report
    from probe.store.database import Database
    from probe.store.models import Analysis

    load(lang)
    database = Database.open(db)
    try:
        with database.session() as session:
            is_analysed = session.scalar(select(Analysis.analysis_id)) is not None
        if not is_analysed:
            from analysis.analyse import analyse

            analyse(database)
        typer.echo(write_report(database, out, service=service, language=lang))
    finally:
        database.close()
