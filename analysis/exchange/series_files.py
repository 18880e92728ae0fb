"""Reading series from files that observatories give: IODA, RIPEstat, RIPE Atlas, and plain CSV of time and value.

Which of them a file is, its content tells. ``UserError`` with the place where it is none of them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from analysis.exchange.documents import Refused, documents
from analysis.exchange.outside import MOST_POINTS, Series, regular
from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

MAX_CSV_BYTES: Final = 64 * 1024 * 1024
ATLAS_STEP_S: Final = 900
"""Results of RIPE Atlas are counted in quarters of an hour, the longest interval of its built-in measurements."""
SCOPES: Final = ("country", "region", "asn", "target")


@dataclass(frozen=True, slots=True)
class Given:
    """What a person says of a file that does not say it itself."""

    scope_kind: str | None = None
    scope: str | None = None
    kind: str | None = None


def read_series(path: Path, given: Given) -> list[Series]:
    """Give every series of a file. ``UserError`` where it holds none, or holds something else."""
    sha256 = _sha256(path)
    if path.suffix.lower() == ".csv":
        return [_csv(path, given, sha256)]
    values: list[Any] = []
    for document in documents(path):
        if isinstance(document, Refused):
            raise UserError(f"{document.place} of {path} cannot be read: {document.reason}")
        values.append(document.value)
    found: list[Series] = []
    for is_it, read in _FORMATS:
        mine = [value for value in values if isinstance(value, dict) and is_it(value)]
        if mine:
            try:
                found += read(mine, given, sha256)
            except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
                raise UserError(f"{path} cannot be read as a series: {str(error) or type(error).__name__}") from error
    if not found:
        raise UserError(
            f"{path} holds no series: expected IODA's signals, RIPEstat's routing-status or country-routing-stats, "
            "results of RIPE Atlas, or a .csv file with the columns time,value"
        )
    return found


# ---------------------------------------------------------------- IODA, API v2


def _is_ioda(value: dict[str, Any]) -> bool:
    return "data" in value and any(True for _ in _signals(value["data"]))


def _signals(data: Any) -> Iterator[dict[str, Any]]:
    """Give the signals of IODA's answer, which nests them in lists by entity and by source."""
    if isinstance(data, dict) and {"datasource", "entityCode", "values"} <= set(data):
        yield data
    elif isinstance(data, list):
        for item in data:
            yield from _signals(item)


def _ioda(values: list[dict[str, Any]], given: Given, sha256: str) -> list[Series]:
    found = []
    for signal in (signal for value in values for signal in _signals(value["data"])):
        step_s = _step(signal["step"])
        first = _instant(signal["from"])
        told = signal["values"]
        if not isinstance(told, list) or len(told) > MOST_POINTS:
            raise ValueError(f"values of {signal['datasource']} are no list of at most {MOST_POINTS}")
        kind = ".".join(str(part) for part in (signal["datasource"], signal.get("subtype")) if part)
        scope_kind = str(signal.get("entityType") or "")
        if scope_kind not in SCOPES:
            raise ValueError(f"entityType is {scope_kind!r}, and not country, region or asn")
        code = str(signal["entityCode"])
        found.append(
            Series(
                source="ioda",
                kind=given.kind or kind,
                scope_kind=scope_kind,
                scope=f"AS{code}" if scope_kind == "asn" and not code.upper().startswith("AS") else code,
                step_s=step_s,
                points=tuple((first + timedelta(seconds=step_s * i), _value(v)) for i, v in enumerate(told)),
                file_sha256=sha256,
            )
        )
    return found


# ---------------------------------------------------------------- RIPEstat


def _is_ripestat(value: dict[str, Any]) -> bool:
    return isinstance(value.get("data"), dict) and ("visibility" in value["data"] or "stats" in value["data"])


def _ripestat(values: list[dict[str, Any]], given: Given, sha256: str) -> list[Series]:
    """Read answers of ``routing-status`` (each one point: the share of peers that see it) and of country statistics."""
    points: dict[tuple[str, str], list[tuple[datetime, float | None]]] = defaultdict(list)
    for value in values:
        data = value["data"]
        resource = str(data["resource"])
        if "visibility" in data:
            at = _instant(data.get("query_time") or value.get("time"))
            for family, seen in sorted(data["visibility"].items()):
                total = _value(seen.get("total_ris_peers"))
                seeing = _value(seen.get("ris_peers_seeing"))
                share = None if not total or seeing is None else seeing / total
                points[resource, f"visibility.{family}"].append((at, share))
        else:
            for row in data["stats"]:
                at = _instant(row["timeline"][0]["starttime"])
                points[resource, "v4_prefixes_ris"].append((at, _value(row.get("v4_prefixes_ris"))))
    return [
        _regular("ripestat", kind, _ripestat_scope(resource), given, told, sha256)
        for (resource, kind), told in sorted(points.items())
    ]


def _ripestat_scope(resource: str) -> tuple[str, str]:
    if resource.isdigit() or resource.upper().startswith("AS"):
        return "asn", f"AS{resource.upper().removeprefix('AS')}"
    if len(resource) == 2:
        return "country", resource.upper()
    return "target", resource


# ---------------------------------------------------------------- RIPE Atlas


def _is_atlas(value: dict[str, Any]) -> bool:
    return {"msm_id", "prb_id", "timestamp", "type"} <= set(value)


def _atlas(values: list[dict[str, Any]], given: Given, sha256: str) -> list[Series]:
    """Count results: the share of each quarter's that succeeded. A quarter without a result is a gap, not a zero."""
    results: dict[tuple[str, int], dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for value in values:
        succeeded = _SUCCESS.get(str(value["type"]))
        if succeeded is None:
            raise ValueError(f"type {value['type']!r} of a result is not ping, dns, http, sslcert or traceroute")
        place = int(value["timestamp"]) // ATLAS_STEP_S
        results[str(value["type"]), int(value["msm_id"])][place].append(succeeded(value))
    found = []
    for (kind, number), by_place in sorted(results.items()):
        points = [(_instant(place * ATLAS_STEP_S), sum(r) / len(r)) for place, r in sorted(by_place.items())]
        found.append(
            Series(
                source="ripe-atlas",
                kind=given.kind or f"{kind}.msm{number}",
                scope_kind=given.scope_kind or "target",
                scope=given.scope or f"msm{number}",
                step_s=ATLAS_STEP_S,
                points=regular(points, ATLAS_STEP_S),
                file_sha256=sha256,
            )
        )
    return found


def _is_traced(value: dict[str, Any]) -> bool:
    hops = value.get("result") or []
    last = hops[-1].get("result") or [] if hops else []
    return any(reply.get("from") == value.get("dst_addr") for reply in last if value.get("dst_addr"))


_SUCCESS: Final[dict[str, Callable[[dict[str, Any]], bool]]] = {
    "ping": lambda value: bool(value.get("rcvd")),
    "dns": lambda value: bool(value.get("result") or any("result" in r for r in value.get("resultset") or [])),
    "http": lambda value: any("res" in reply for reply in value.get("result") or []),
    "sslcert": lambda value: bool(value.get("cert")),
    "traceroute": _is_traced,
}


# ---------------------------------------------------------------- CSV


def _csv(path: Path, given: Given, sha256: str) -> Series:
    if given.scope is None or given.kind is None or given.scope_kind is None:
        raise UserError(f"{path} does not say what it is of: add --scope (such as asn:AS9198) and --kind")
    data = path.read_bytes()
    if len(data) > MAX_CSV_BYTES:
        raise UserError(f"{path} is larger than {MAX_CSV_BYTES // 1024**2} MiB: cut it into parts")
    points: list[tuple[datetime, float | None]] = []
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig")), strict=True)
        head = [cell.strip().lower() for cell in next(rows, [])]
        if head[:2] != ["time", "value"]:
            raise UserError(f"{path}:1: expected the columns time,value")
        for row in rows:
            if not row:
                continue
            try:
                written = row[1].strip() if len(row) > 1 else ""
                points.append((_instant(row[0]), _number(written)))
            except (ValueError, OverflowError, IndexError, OSError) as error:
                raise UserError(f"{path}:{rows.line_num}: expected a time and a number, got {row!r:.80}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as CSV: {error}") from error
    try:
        return _regular("csv", given.kind, (given.scope_kind, given.scope), given, points, sha256)
    except ValueError as error:
        raise UserError(f"{path} cannot be read as a series: {error}") from error


def _number(written: str) -> float | None:
    """Give a value; an empty cell, ``NaN`` and ``null`` are gaps."""
    return None if written.lower() in {"", "nan", "null", "none", "na"} else _value(float(written))


# ---------------------------------------------------------------- all of them


def _regular(
    source: str,
    kind: str,
    scope: tuple[str, str],
    given: Given,
    points: Iterable[tuple[datetime, float | None]],
    sha256: str,
) -> Series:
    told = sorted(points, key=lambda point: point[0])
    steps = [int((later - sooner).total_seconds()) for (sooner, _), (later, _) in pairwise(told)]
    counted = Counter(step for step in steps if step > 0)
    step_s = min(counted, key=lambda step: (-counted[step], step)) if counted else 3_600
    return Series(
        source=source,
        kind=given.kind or kind,
        scope_kind=given.scope_kind or scope[0],
        scope=given.scope or scope[1],
        step_s=step_s,
        points=regular(told, step_s),
        file_sha256=sha256,
    )


def _value(told: Any) -> float | None:
    if told is None:
        return None
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise TypeError(f"{told!r:.40} is no number")
    return float(told) if math.isfinite(told) else None


def _step(told: Any) -> int:
    if isinstance(told, bool) or not isinstance(told, int) or not 1 <= told <= 31 * 86_400:
        raise ValueError(f"step {told!r:.40} is no count of seconds")
    return told


def _instant(told: Any) -> datetime:
    """Read a time: seconds since 1970, or ISO 8601, in UTC where it does not say."""
    text = str(told).strip()
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; check the path") from error


_FORMATS: Final = ((_is_ioda, _ioda), (_is_ripestat, _ripestat), (_is_atlas, _atlas))
