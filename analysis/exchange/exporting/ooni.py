"""``nameblind export ooni``: our measurements in OONI's format, with certificates and packets beside them."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import textwrap
from collections import defaultdict
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import select

from analysis.exchange.ooni.writing import Rows, as_ooni
from analysis.times import parse_time
from probe.commands.options import DEFAULT_DATABASE, Db
from probe.errors import UserError
from probe.model import TargetKind
from probe.store import models
from probe.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

MEASUREMENTS: Final = "measurements.jsonl"
MANIFEST: Final = "manifest.json"
_TOGETHER: Final = 200
"""Measurements read at once."""


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")],
    db: Db = DEFAULT_DATABASE,
    *,
    since: Annotated[str | None, typer.Option(help="Only measurements begun at or after this time (ISO 8601).")] = None,
    until: Annotated[str | None, typer.Option(help="Only measurements begun before this time (ISO 8601).")] = None,
) -> None:
    """Write our measurements of targets as OONI's readers read them (web_connectivity 0.5), one a line.

    Certificates (PEM) and packets (pcap) go into files beside, named by their
    hashes; manifest.json has the hash of every file. What was imported from OONI
    is left out: it is there already.

    Example: nameblind export ooni ooni-export --db results.db
    """
    first = parse_time(since, "--since") if since else None
    last = parse_time(until, "--until") if until else None
    with Database.open(db) as database:
        count, files = export(database, folder, first, last)
    Console(highlight=False, markup=False, soft_wrap=True).print(
        f"{count} measurement(s) written to {folder}, in {files} file(s) beside {MANIFEST}."
    )


def export(
    database: Database, folder: Path, since: datetime | None = None, until: datetime | None = None
) -> tuple[int, int]:
    """Write the folder whole or not at all; give the counts of measurements and of files."""
    if folder.exists():
        raise UserError(f"{folder} exists already: name a new folder")
    beside = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(beside, ignore_errors=True)  # what an export that was killed left
        beside.mkdir(mode=0o700)
        with database.session() as session:
            count = _write(session, beside, since, until)
        files = _manifest(beside, database.place, count)
        beside.rename(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}; check the place and its room") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return count, files


def _write(session: Session, folder: Path, since: datetime | None, until: datetime | None) -> int:
    cycle, measurement = models.Cycle, models.Measurement
    wanted = [
        measurement.kind == TargetKind.TARGET.value,
        measurement.measurement_id.not_in(select(models.Imported.measurement_id)),
    ]
    wanted += [measurement.started_at >= since] if since else []
    wanted += [measurement.started_at < until] if until else []
    order = (measurement.started_at, measurement.measurement_id)
    identifiers = list(session.scalars(select(measurement.measurement_id).where(*wanted).order_by(*order)))
    if not identifiers:
        raise UserError("The database holds no measurement of ours to export: run a probe first, or widen the time.")
    vantages = {row.vantage_id: row for row in session.scalars(select(models.Vantage))}
    with (folder / MEASUREMENTS).open("w", encoding="utf-8") as file, Progress(transient=True) as progress:
        task = progress.add_task("exporting", total=len(identifiers))
        for start in range(0, len(identifiers), _TOGETHER):
            some = identifiers[start : start + _TOGETHER]
            query = select(measurement, cycle).join(cycle, cycle.cycle_id == measurement.cycle_id)
            found = {row.measurement_id: (row, of) for row, of in session.execute(query.where(_in(some)))}
            for rows in _rows(session, some, found, vantages):
                file.write(json.dumps(as_ooni(rows), ensure_ascii=False, allow_nan=False) + "\n")
                _write_blobs(session, folder, rows)
            session.expunge_all()
            progress.advance(task, len(some))
    return len(identifiers)


def _in(some: list[str]) -> Any:
    return models.Measurement.measurement_id.in_(some)


def _rows(
    session: Session, some: list[str], found: dict[str, tuple[Any, Any]], vantages: dict[str, models.Vantage]
) -> Iterator[Rows]:
    observation, answer = models.Observation, models.DnsAnswer
    steps: dict[str, list[models.Observation]] = defaultdict(list)
    for row in session.scalars(
        select(observation)
        .where(observation.measurement_id.in_(some))
        .order_by(observation.attempt, observation.started_mono_s, observation.chain_seq)
    ):
        steps[row.measurement_id].append(row)
    answers: dict[str, list[models.DnsAnswer]] = defaultdict(list)
    for one in session.scalars(
        select(answer)
        .join(observation, observation.observation_id == answer.observation_id)
        .where(observation.measurement_id.in_(some))
        .order_by(answer.observation_id, answer.position)
    ):
        answers[one.observation_id].append(one)
    pairs: dict[str, list[models.Pair]] = defaultdict(list)
    for pair in session.scalars(
        select(models.Pair).where(models.Pair.measurement_id.in_(some)).order_by(models.Pair.number)
    ):
        pairs[pair.measurement_id].append(pair)
    hashes = {sha256 for rows in steps.values() for row in rows for sha256 in row.certificates or ()}
    certificates = {
        blob.sha256: blob.content
        for blob in session.scalars(select(models.Blob).where(models.Blob.sha256.in_(sorted(hashes))))
    }
    for measurement_id in some:
        measurement, cycle = found[measurement_id]
        yield Rows(
            vantage=vantages[measurement.vantage_id],
            cycle=cycle,
            measurement=measurement,
            observations=steps[measurement_id],
            answers=answers,
            pairs=pairs[measurement_id],
            certificates=certificates,
        )


def _write_blobs(session: Session, folder: Path, rows: Rows) -> None:
    """Write the certificates and the packets of one measurement, each once."""
    for sha256 in sorted({sha256 for row in rows.observations for sha256 in row.certificates or ()}):
        der = rows.certificates.get(sha256)
        if der is not None:
            _write_once(folder / "certificates" / f"{sha256}.pem", _pem(der))
    capture = models.Capture
    query = (
        select(capture.pcap_sha256, models.Blob.content)
        .join(models.Blob, models.Blob.sha256 == capture.pcap_sha256)
        .where(capture.measurement_id == rows.measurement.measurement_id)
    )
    for sha256, content in session.execute(query):
        _write_once(folder / "packets" / f"{sha256}.pcap", content)


def _write_once(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        path.write_bytes(content)


def _pem(der: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]).encode()


def _manifest(folder: Path, place: str, count: int) -> int:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = []
    for path in paths:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        files.append({"path": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": sha256})
    told = {"database": place, "format": "OONI web_connectivity 0.5", "measurements": count, "files": files}
    (folder / MANIFEST).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return len(files)
