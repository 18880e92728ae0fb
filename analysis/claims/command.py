"""``nameblind claim``: what somebody said, set against what was measured."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from probe.commands.options import DEFAULT_DATABASE, AsJson, Db

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.claims.claim import Claim, Scope
    from analysis.claims.weigh import Weighed


def claim(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Claims (YAML); docs/claims.md has the keys.")],
    db: Db = DEFAULT_DATABASE,
    *,
    as_json: AsJson = False,
) -> None:
    """Set what somebody said was the cause against what was measured, region by region and service by service.

    Each is supported, contradicted, or cannot be said, with the reason and the events
    that it rests on. A contradiction needs two vantages in that very place and time.
    Every conclusion is recomputed first; facts are never touched.

    Example: nameblind claim examples/claims/zhanaozen-2011-officials.yaml --db results.db
    """
    from analysis.analyse import analyse
    from analysis.claims.claim import read_claim
    from analysis.claims.weigh import weigh
    from analysis.reading import read_vantages
    from probe.store.database import Database

    claims = [read_claim(path) for path in files]  # a wrong file is refused before anything is computed
    with Database.open(db) as database:
        found = analyse(database)
        with database.session() as session:
            vantages = read_vantages(session)
    weighed = [(one, weigh(one, found, vantages)) for one in claims]
    if as_json:
        told = [as_dict(one, scopes) for one, scopes in weighed]
        typer.echo(json.dumps({"ruleset": found["ruleset"], "claims": told}, ensure_ascii=False, indent=1))
        return
    for one, scopes in weighed:
        _print(one, scopes)


def as_dict(one: Claim, scopes: Sequence[Sequence[Weighed]]) -> dict[str, Any]:
    """Give a claim and what became of it, for programs."""
    said = {name: getattr(one, name) for name in ("who", "source", "said", "quote")}
    return {
        **said,
        "cause": one.cause.value,
        "assumed": list(one.assumed),
        "scopes": [[weighed.as_dict() for weighed in scope] for scope in scopes],
    }


def _print(one: Claim, scopes: Sequence[Sequence[Weighed]]) -> None:
    typer.echo(f"{one.who}: {one.cause.value}\n  {one.quote}\n  Said {one.said}; source: {one.source}")
    for line in one.assumed:
        typer.echo(f"  Assumed: {line}")
    for scope, answers in zip(one.scopes, scopes, strict=True):
        typer.echo(f"\n  {_place(scope)}")
        for answer in answers:
            name = f"{answer.region or 'any region'}, {answer.service or 'any service'}"
            typer.echo(f"    {name}: {answer.outcome.value.upper()}")
            rests = ", ".join(event["id"] for event in answer.events)
            typer.echo(f"      {answer.reason}." + (f" [{rests}]" if rests else ""))
    typer.echo("")


def _place(scope: Scope) -> str:
    first, last = (f"{moment:%Y-%m-%d %H:%M}Z" for moment in scope.inner)
    where = ", ".join((*scope.regions, *scope.networks)) or scope.country or "everywhere"
    return f"{where}, {first} to {last} (the time that the claim speaks of in any case)"
