"""``nameblind bundle``, and ``nameblind verify`` for a bundle and for a database."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import Annotated

import typer

from probe.commands.options import DEFAULT_DATABASE, AsJson, Db


def bundle(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR|FILE.zip", help="A folder that does not exist yet, or one file.")
    ],
    db: Db = DEFAULT_DATABASE,
    *,
    service: Annotated[str | None, typer.Option(metavar="NAME", help="A report on this service alone.")] = None,
    lang: Annotated[
        list[str] | None,
        typer.Option(
            metavar="en|kk|ru", help="Language of the report; may be given again. Else all.", show_default=False
        ),
    ] = None,
    claim: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="What somebody said, set against the facts; may be given again."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Sign with this private key.", show_default=False)
    ] = None,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make the file of --key first, readable by you alone.")
    ] = False,
) -> None:
    """Write the evidence as one folder that a stranger can check and recompute, offline: a BagIt bag.

    It holds every fact of the database, the conclusions, the report in each language,
    Parquet tables, certificates and packets, and the hash of each. The same facts and
    the same key give the same bytes. Without --key it is not signed, and says so.

    Example: nameblind bundle evidence --db results.db --key analyst.pem --new-key
    """
    from importlib.util import find_spec

    from analysis.bundle.make import make_bundle
    from analysis.bundle.payload import Choice
    from analysis.bundle.signing import make_key, public_of, read_key
    from analysis.claims.claim import read_claim
    from analysis.report.catalogue import languages, load
    from probe.errors import UserError
    from probe.store.database import Database

    if find_spec("pyarrow") is None:
        raise UserError(
            "A bundle holds Parquet, whose library is not installed: pip install 'nameblind[report,tables]'."
        )
    for language in lang or ():
        load(language)
    for path in claim or ():
        read_claim(path)  # a wrong file is refused before anything is computed
    if new_key and key is None:
        raise UserError("--new-key needs --key FILE: say where the private key is to be kept.")
    chosen = Choice(languages=tuple(sorted(set(lang or languages()))), service=service)
    with Database.open(db) as database:
        if new_key and key is not None:
            make_key(key)
        private = read_key(key) if key is not None else None
        make_bundle(database, folder, chosen, private, claim or ())
    typer.echo(f"{folder}: " + (f"signed by ed25519 {public_of(private)}" if private else "not signed"))
    typer.echo(f"Check it anywhere: nameblind verify {folder}")


def verify(
    place: Annotated[
        Path | None,
        typer.Argument(metavar="[BUNDLE]", help="A bundle's folder or .zip; else --db is checked.", show_default=False),
    ] = None,
    db: Db = DEFAULT_DATABASE,
    *,
    key: Annotated[
        str | None, typer.Option(metavar="HEX", help="The public key that must have signed it.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle, or a database row by row: is it what was written, and do the claims follow from the facts?

    A bundle: every hash, the signature, every row, and then all that follows from the
    rows is computed anew and compared byte for byte, offline. A signature shows which
    key signed; whose key that is, its maker must tell you another way: give it as --key.

    A database: every row must follow from the one before it, and every stored
    certificate and body must have its hash. Whoever can write the file could write a
    whole chain anew: note the ends printed here, and compare them later.

    Exit status 1 where anything is wrong, with the first fault named.

    Example: nameblind verify evidence
    """
    if place is None:
        from probe.commands.verify import verify as verify_database

        verify_database(db, as_json=as_json)
        return
    from analysis.bundle.verify import verify_bundle

    found = verify_bundle(place, key)
    if as_json:
        typer.echo(json.dumps({"bundle": str(place), "is_whole": True, **asdict(found)}, indent=2))
        return
    rows = sum(found.chains.values())
    typer.echo(
        f"{found.files} files have their hashes; {rows} rows in {len(found.chains)} chains are as they were written"
    )
    typer.echo(f"signed by ed25519 {found.signed_by}" if found.signed_by else "not signed: who made it is not shown")
    typer.echo(f"{found.recomputed} files recomputed from the facts, each the same to the byte")
    if found.not_recomputed:
        typer.echo(
            f"{len(found.not_recomputed)} files were not compared, for another version of a library wrote them: "
            "Parquet or PDF; their hashes hold"
        )
