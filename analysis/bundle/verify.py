"""Checks a bundle that came from anywhere: hashes, signature, every row, and then all that follows from the rows.

Nothing is written into the bundle, and no network is used. The database in it is
not worked on: its rows are copied into one of our own making.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from analysis.bundle.archive import SUFFIX, unpack
from analysis.bundle.bag import SIGNATURE, TAG_MANIFEST, check_bag, read_manifest, signer_named
from analysis.bundle.payload import ABOUT_FILE, FACTS_FILE, Choice, claims_in, copy_facts, versions, write_payload
from analysis.bundle.signing import signer_of
from probe.errors import UserError
from probe.store import chain
from probe.store.database import Database

MAX_SIGNATURE_BYTES: Final = 4096
_WRITERS: Final = {".pdf": "typst", ".parquet": "pyarrow"}
"""The library that sets the bytes of a file, by its ending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a bundle was found to be."""

    files: int
    chains: dict[str, int]
    """Rows of each vantage's chain."""
    signed_by: str | None
    recomputed: int
    not_recomputed: tuple[str, ...]
    """Files that another version of a library wrote than the one that is here; their hashes are right."""


def verify_bundle(bundle: Path, key: str | None = None) -> Verified:
    """Check a bundle; ``UserError`` names the first thing that is wrong. ``key``: the public key that must have signed.

    Files are hashed again and again; what stands in the bundle is never trusted to be what its maker wrote.
    """
    try:
        _require_writers()
        if bundle.suffix == SUFFIX and bundle.is_file():
            with tempfile.TemporaryDirectory(prefix="nameblind-") as folder:
                return verify_bundle(unpack(bundle, Path(folder)), key)
        if not bundle.is_dir() or bundle.is_symlink():
            raise UserError(f"{bundle} is no folder and no {SUFFIX} file: name the folder that has bagit.txt.")
        check_bag(bundle)
        signer = _signer(bundle, key)
        with tempfile.TemporaryDirectory(prefix="nameblind-") as folder:
            return _recompute(bundle, Path(folder), signer)
    except OSError as error:
        raise UserError(f"{bundle} cannot be read: {error.strerror}; check its permissions.") from error


def _require_writers() -> None:
    """Raise ModuleNotFoundError at once where a library is missing that all is written anew with: it takes minutes."""
    for library in _WRITERS.values():
        import_module(library)


def _signer(bundle: Path, wanted: str | None) -> str | None:
    named, path = signer_named(bundle), bundle / SIGNATURE
    signer = None
    if path.exists():
        if path.stat().st_size > MAX_SIGNATURE_BYTES:
            raise UserError(f"{SIGNATURE} is larger than any signature; it was not read.")
        signer = signer_of(path.read_bytes(), (bundle / TAG_MANIFEST).read_bytes())
        if signer != named:
            raise UserError(f"The bundle says it is signed by {named or 'nobody'}, and the signature is by {signer}.")
    elif named:
        raise UserError(f"The bundle says it is signed by {named}, and {SIGNATURE} is missing: it was removed.")
    if wanted is not None and signer != wanted.lower():
        raise UserError(
            f"The bundle is signed by {signer or 'nobody'}, not by {wanted}: it is not from whom you expect."
        )
    return signer


def _recompute(bundle: Path, folder: Path, signer: str | None) -> Verified:
    choice, made_with = _about(bundle)
    try:
        chains = _copy(bundle, folder)
        made = folder / "data"
        made.mkdir()
        with Database.open(str(folder / "work.db")) as work:
            write_payload(work, made, choice, claims_in(bundle / "data"))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).partition("\n")[0]
        raise UserError(
            f"data/{FACTS_FILE} cannot be read to its end ({reason!r}): it is damaged or forged."
        ) from error
    here = versions()
    others = {ending for ending, library in _WRITERS.items() if made_with.get(library) != here[library]}
    given = {path.removeprefix("data/") for path in read_manifest(bundle, "manifest-sha256.txt")}
    given -= {FACTS_FILE, ABOUT_FILE}
    mine = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    for path in sorted(given ^ mine):
        where = "does not follow from its facts" if path in given else "follows from its facts and is not in it"
        raise UserError(f"{f'data/{path}'!r} {where}: the bundle's conclusions were not drawn from these facts.")
    skipped = tuple(sorted(path for path in mine if Path(path).suffix in others))
    for path in sorted(mine - set(skipped)):
        if (made / path).read_bytes() != (bundle / "data" / path).read_bytes():
            raise UserError(
                f"{f'data/{path}'!r} is not what its facts give: the claims were changed, or made otherwise."
            )
    files = len(given) + 2
    return Verified(
        files=files, chains=chains, signed_by=signer, recomputed=len(mine) - len(skipped), not_recomputed=skipped
    )


def _about(bundle: Path) -> tuple[Choice, dict[str, Any]]:
    try:
        about = json.loads((bundle / "data" / ABOUT_FILE).read_bytes())
        languages, service, made_with = about["languages"], about["service"], dict(about["versions"])
        if not (all(isinstance(one, str) for one in languages) and isinstance(service, str | None)):
            raise ValueError  # noqa: TRY301 - one sentence for every file that is not ours
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise UserError(f"data/{ABOUT_FILE} does not say how the bundle was made: it is damaged or forged.") from None
    here = versions()
    for name in ("nameblind", "ruleset"):
        if made_with.get(name) != here[name]:
            raise UserError(
                f"Hashes and signature hold, but the claims were drawn with {name} {made_with.get(name)!r} and this is "
                f"{here[name]!r}: recompute them with that version."
            )
    return Choice(languages=tuple(languages), service=service), made_with


def _copy(bundle: Path, folder: Path) -> dict[str, int]:
    """Check the rows as they are stored, and copy them into a database of our own; give the rows of each chain."""
    given = folder / "given.db"
    source = bundle / "data" / FACTS_FILE
    if not source.is_file():
        raise UserError(f"data/{FACTS_FILE} is missing: without its facts nothing can be recomputed.")
    shutil.copyfile(source, given)
    with Database.open_for_reading(str(given)) as facts:
        with facts.session() as session:
            breaches = chain.verify(session)
            chains = {vantage: end.chain_seq for vantage, end in chain.ends(session).items()}
        if breaches:
            raise UserError(f"The facts are not as they were written: {str(breaches[0])!r}.")
        with Database.open(str(folder / "work.db"), create=True) as work:
            copy_facts(facts, work)
    return chains
