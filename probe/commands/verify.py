"""``nameblind verify``: is what a database holds what the probes wrote?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from sqlalchemy import func, select
from sqlalchemy.exc import DatabaseError

from probe.commands.options import DEFAULT_DATABASE, AsJson, Db
from probe.errors import UserError
from probe.store import chain
from probe.store.database import Database
from probe.store.models import Blob

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def verify(db: Db = DEFAULT_DATABASE, *, as_json: AsJson = False) -> None:
    """Check a database row by row: was anything changed, removed, moved or added since it was written?

    It checks databases only. Every row of every vantage must follow from the
    row before it, and every stored certificate and body must have its hash.

    Exit status 0 and the counts where all is whole; 1 where it is not, with
    the first bad row of each chain. Whoever can write the file could also
    write a whole chain anew: note the ends printed here, and compare them later.

    Example: nameblind verify --db results.db
    """
    database = Database.open(db)
    try:
        with database.session() as session:
            result = examine(session)
    except DatabaseError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise UserError(f"{database.place} cannot be read to its end ({reason}); keep a copy of it as it is") from error
    finally:
        database.close()
    if as_json:
        typer.echo(json.dumps({"database": database.place, **result}, indent=2))
    else:
        _print(result)
    if not result["is_whole"]:
        raise typer.Exit(1)


def examine(session: Session) -> dict[str, Any]:
    """Give what the command prints: the chains with their ends, the breaches, and the damage to the file."""
    breaches = chain.verify(session)
    damage = _file_damage(session)
    return {
        "is_whole": not breaches and not damage,
        "chains": {vantage_id: asdict(end) for vantage_id, end in chain.ends(session).items()},
        "blobs": session.scalar(select(func.count()).select_from(Blob)),
        "breaches": [asdict(breach) | {"text": str(breach)} for breach in breaches],
        "file_damage": damage,
    }


def _file_damage(session: Session) -> list[str]:
    """Give what SQLite itself finds wrong with the file's structure; PostgreSQL keeps watch over its own."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        return []
    found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
    return [line for line in found if line != "ok"]


def _print(result: dict[str, Any]) -> None:
    for breach in result["breaches"]:
        typer.echo(f"BROKEN {_inert(breach['text'])}")
    for line in result["file_damage"]:
        typer.echo(f"DAMAGED file: {line}")
    for vantage_id, end in result["chains"].items():
        typer.echo(f"vantage {_inert(vantage_id)}: {end['chain_seq']} rows, end {end['chain_sha256']}")
    verdict = "every row is as it was written" if result["is_whole"] else "this database is not as it was written"
    typer.echo(f"{len(result['chains'])} chains, {result['blobs']} blobs: {verdict}")


def _inert(text: str) -> str:
    """Give text from a stranger's database without what a terminal would act on."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
