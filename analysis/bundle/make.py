"""Writes a bundle: whole, or not there at all. The same facts, choice and key give the same bytes."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from analysis.bundle.archive import SUFFIX, pack
from analysis.bundle.bag import SIGNATURE, write_bag
from analysis.bundle.payload import ABOUT_FILE, FACTS_FILE, Choice, copy_facts, versions, write_payload
from analysis.bundle.signing import public_of, sign
from probe.errors import UserError
from probe.store import chain
from probe.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def make_bundle(
    source: Database,
    folder: Path,
    choice: Choice,
    key: Ed25519PrivateKey | None = None,
    claims: Sequence[Path] = (),
) -> None:
    """Write the bundle of a database's facts; ``UserError`` where the facts are broken or the folder cannot be.

    A name that ends in ``.zip`` gets the folder as one file. ``claims``: files of what somebody said, which is set
    against the facts in it.
    """
    if folder.exists():
        raise UserError(f"{folder} exists already: name a new place for the bundle.")
    beside, work = (folder.with_name(f".{folder.name}.{what}") for what in ("new", "work"))
    try:
        for path in (beside, work):
            shutil.rmtree(path, ignore_errors=True)  # what a run that was killed left
            path.mkdir(mode=0o700)
        data = beside / "data"
        data.mkdir()
        with Database.open(str(work / FACTS_FILE), create=True) as facts:
            copy_facts(source, facts)
            with facts.session() as session:
                breaches = chain.verify(session)
        if breaches:
            raise UserError(f"{source.place} is not as it was written ({breaches[0]}); run `nameblind verify` on it.")
        shutil.copyfile(work / FACTS_FILE, data / FACTS_FILE)
        with Database.open(str(work / FACTS_FILE)) as facts:
            write_payload(facts, data, choice, claims)
        about = json.dumps(choice.as_dict(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        (data / ABOUT_FILE).write_text(about, encoding="utf-8")
        signed = write_bag(beside, f"nameblind {versions()['nameblind']}", public_of(key) if key else None)
        if key:
            (beside / SIGNATURE).write_bytes(sign(key, signed))
        if folder.suffix == SUFFIX:
            pack(beside, work / folder.name)
            (work / folder.name).rename(folder)
        else:
            beside.rename(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}; check the place and its room.") from error
    finally:
        for path in (beside, work):
            shutil.rmtree(path, ignore_errors=True)
