"""``nameblind report``: conclude where that is still to be done, and write the page and the PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.commands.options import DEFAULT_DATABASE, Db

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.claims.claim import Claim
    from analysis.claims.weigh import Weighed
    from probe.store.database import Database


def report(
    db: Db = DEFAULT_DATABASE,
    service: Annotated[str | None, typer.Option(metavar="NAME", help="This service alone.")] = None,
    lang: Annotated[str, typer.Option(metavar="en|kk|ru", help="Language of the report.")] = "en",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write it to.")] = Path("reports"),
    form: Annotated[
        str | None, typer.Option("--format", metavar="html|pdf", help="This form alone; else both.", show_default=False)
    ] = None,
    claim: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Set what this file says somebody said against it; may be given again."),
    ] = None,
) -> None:
    """Write what was seen, how sure that is, and what it rests on: a page that fetches nothing, and a PDF.

    Conclusions are recomputed first where there are none, where facts have arrived
    since, or where other rules or other reference data drew them. The same database
    gives the same bytes.

    Example: nameblind report --db results.db --service twitter --lang kk --format pdf
    """
    from rich.console import Console

    from analysis.report.catalogue import load
    from analysis.report.write import FORMATS, write_reports
    from probe.errors import UserError
    from probe.store.database import Database

    load(lang)  # a language that is not there is refused before anything is computed
    if form is not None and form not in FORMATS:
        raise UserError(f"There is no report in the form {form!r}; choose one of: {', '.join(FORMATS)}.")
    claims = _read_claims(claim or ())  # so is a wrong file
    with Database.open(db) as database:
        if _is_analysis_due(database):
            from analysis.analyse import analyse

            analyse(database)
        weighed = _weigh(claims, database) if claims else ()
        with Console(stderr=True).status("Writing the report ..."):
            paths = write_reports(
                database,
                out,
                service=service,
                language=lang,
                forms=FORMATS if form is None else (form,),
                claims=weighed,
            )
    for path in paths:
        typer.echo(path)


def _read_claims(paths: Sequence[Path]) -> list[Claim]:
    from analysis.claims.claim import read_claim

    return [read_claim(path) for path in paths]


def _weigh(claims: Sequence[Claim], database: Database) -> list[tuple[Claim, list[list[Weighed]]]]:
    """Set claims against the conclusions, which are drawn anew for it."""
    from analysis.analyse import analyse
    from analysis.claims.weigh import weigh
    from analysis.reading import read_vantages

    found = analyse(database)
    with database.session() as session:
        vantages = read_vantages(session)
    return [(claim, weigh(claim, found, vantages)) for claim in claims]


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
