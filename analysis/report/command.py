"""``nameblind report``: conclude where that is still to be done, and write the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.commands.options import DEFAULT_DATABASE, Db

if TYPE_CHECKING:
    from probe.store.database import Database


def report(
    db: Db = DEFAULT_DATABASE,
    service: Annotated[str | None, typer.Option(metavar="NAME", help="This service alone.")] = None,
    lang: Annotated[str, typer.Option(metavar="en|kk|ru", help="Language of the report.")] = "en",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write it to.")] = Path("reports"),
) -> None:
    """Write what was seen, how sure that is, and what it rests on: one HTML file that fetches nothing.

    Conclusions are recomputed first where there are none, where facts have arrived
    since, or where other rules or other reference data drew them. The same database
    gives the same bytes.

    Example: nameblind report --db results.db --service twitter
    """
    from analysis.report.catalogue import load
    from analysis.report.write import write_report
    from probe.store.database import Database

    load(lang)  # a language that is not there is refused before anything is computed
    with Database.open(db) as database:
        if _is_analysis_due(database):
            from analysis.analyse import analyse

            analyse(database)
        typer.echo(write_report(database, out, service=service, language=lang))


def _is_analysis_due(database: Database) -> bool:
    from sqlalchemy import select

    from analysis.analyse import facts_sha256
    from analysis.reading import chain_ends
    from analysis.reference import reference_files
    from analysis.rules import RULESET
    from probe.store.models import Analysis, Measurement

    with database.session() as session:
        if session.scalar(select(Measurement.measurement_id).limit(1)) is None:
            return False  # nothing to conclude from: the report says so
        before = session.scalar(select(Analysis))
        if before is not None and before.ruleset != RULESET:
            typer.echo(
                f"The stored conclusions were drawn with rule set {before.ruleset}, which this program does not have; "
                f"they are drawn anew with {RULESET}.",
                err=True,
            )
            return True
        return (
            before is None
            or before.facts_sha256 != facts_sha256(chain_ends(session))
            or not reference_files().items() <= (before.reference or {}).items()
        )
