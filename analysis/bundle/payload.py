"""What a bundle holds, made from its facts: one function for whoever writes a bundle and whoever checks one."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select

from analysis.analyse import analyse
from analysis.claims.claim import read_claim
from analysis.claims.command import as_dict
from analysis.claims.weigh import weigh
from analysis.reading import read_vantages
from analysis.report.write import FORMATS, write_reports
from analysis.rules import RULESET
from analysis.tables.dictionary import offered
from analysis.tables.writing import parquet_table, write_folder
from probe.errors import UserError
from probe.store.models import FACTS, OUTSIDE, Base, Blob, ChainEnd
from probe.store.writing import transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.claims.claim import Claim
    from analysis.claims.weigh import Weighed
    from probe.store.database import Database

FACTS_FILE: Final = "results.db"
ABOUT_FILE: Final = "bundle.json"
CLAIMS_FOLDER: Final = "claims"
MOST_CLAIMS: Final = 20
_COPIED: tuple[type[Base], ...] = (Blob, *FACTS, *OUTSIDE, ChainEnd)
_ROWS_AT_ONCE = 5_000
_FOLDERS = {"certificate": ("certificates", "der"), "pcap": ("packets", "pcap")}
"""Folder and ending of each kind of blob that stands as a file of its own; a page's body stays in the database."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a bundle is made of, beside the facts."""

    languages: tuple[str, ...]
    service: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Give what ``bundle.json`` says: enough to make the bundle again."""
        return {"languages": list(self.languages), "service": self.service, "versions": versions()}


def versions() -> dict[str, str]:
    """Give the versions that set bytes: ours, and those of the libraries that write files."""
    return {"ruleset": RULESET, **{name: _version(name) for name in ("nameblind", "pyarrow", "typst")}}


def copy_facts(source: Database, target: Database) -> None:
    """Copy every fact, the ends of the chains and what came from elsewhere; no conclusion. Rows are sorted."""
    with source.session() as session, transaction(target.engine) as connection:
        for model in _COPIED:
            table = Base.metadata.tables[model.__tablename__]
            query = select(table).order_by(*table.primary_key.columns)
            for rows in session.execute(query).mappings().partitions(_ROWS_AT_ONCE):
                connection.execute(insert(table), [dict(row) for row in rows])


def write_payload(work: Database, folder: Path, choice: Choice, claims: Sequence[Path] = ()) -> None:
    """Write all that follows from the facts of ``work``, a copy that may be written to, into ``folder``.

    ``claims``: files of what somebody said, which is set against the facts, and copied as it is.
    """
    found = analyse(work)
    _write_json(found, folder / "conclusions.json")
    weighed = _weighed(found, work, claims, folder)
    for language in choice.languages:
        write_reports(
            work,
            folder / "report" / language,
            service=choice.service,
            language=language,
            forms=FORMATS,
            claims=weighed,
        )
    write_folder(work, offered(), folder / "parquet", parquet_table)
    _write_blobs(work, folder)


def claims_in(folder: Path) -> tuple[Path, ...]:
    """Give the claims of a bundle's payload, in order."""
    return tuple(sorted((folder / CLAIMS_FOLDER).glob("*.yaml")))


def _weighed(
    found: dict[str, Any], work: Database, claims: Sequence[Path], folder: Path
) -> list[tuple[Claim, list[list[Weighed]]]]:
    if not claims:
        return []
    if len(claims) > MOST_CLAIMS:
        raise UserError(f"A bundle holds at most {MOST_CLAIMS} claims, and {len(claims)} were given.")
    with work.session() as session:
        vantages = read_vantages(session)
    (folder / CLAIMS_FOLDER).mkdir()
    weighed = []
    for number, path in enumerate(claims, start=1):
        claim = read_claim(path)
        weighed.append((claim, weigh(claim, found, vantages)))
        shutil.copyfile(path, folder / CLAIMS_FOLDER / f"{number:02}.yaml")
    _write_json([as_dict(claim, scopes) for claim, scopes in weighed], folder / "claims.json")
    return weighed


def _write_json(told: Any, path: Path) -> None:
    text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _write_blobs(work: Database, folder: Path) -> None:
    with work.session() as session:
        query = select(Blob.sha256, Blob.kind, Blob.content).where(Blob.kind.in_(_FOLDERS)).order_by(Blob.sha256)
        for sha256, kind, content in session.execute(query.execution_options(yield_per=100)):
            name, ending = _FOLDERS[kind]
            (folder / name).mkdir(exist_ok=True)
            (folder / name / f"{sha256}.{ending}").write_bytes(content)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
