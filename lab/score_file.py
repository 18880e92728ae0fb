"""One score in one JSON file, and what the score holds for: the scenario's files and the programs, by their hashes.

A score is worth keeping only as long as the same run would be made again. So a
file says what it was made from, and :func:`recall` refuses it where that has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from analysis.evaluate.event_match import EventGrade, FalseEvent, GradedEvent
from analysis.evaluate.grading import Grade
from lab.scenario_file import SCENARIOS, SCHEDULES
from lab.score import Decision, Graded, Score
from lab.topology_file import TOPOLOGIES
from probe.schedule.yaml_reader import read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probe.schedule.yaml_reader import Place

ROOT: Final = Path(__file__).resolve().parents[1]

PACKAGES: Final = ("probe", "analysis", "lab")
"""Whose sources decide what a run comes to."""

JUDGING: Final = ("analysis/", "lab/score.py", "lab/score_file.py", "lab/truth.py")
"""What makes no facts, but judges them: facts that were kept hold when it changes."""

ONLY_SHOWING: Final = (
    "analysis/evaluate/baselines/",
    "analysis/evaluate/simulate/",
    *(
        f"analysis/evaluate/{name}.py"
        for name in (
            "bars",
            "calibration",
            "command",
            "kept",
            "observed",
            "pictures",
            "runs",
            "score",
            "scorecard",
            "sheets",
        )
    ),
    "analysis/report/",
    "lab/scenarios/",
    "lab/topologies/",
    "lab/schedules/",
    "lab/bank.py",
    "lab/bank_view.py",
    "lab/commands.py",
    "lab/live.py",
    "lab/scorecard.py",
    "lab/scorecard_sheets.py",
    "lab/weights.py",
)
"""What no score depends on, because it shows or starts; a scenario's own files are hashed by themselves."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a score was made from: two runs of the same origin and seed are alike."""

    facts_sha256: str
    """Over what makes the facts: what happens in the scenario, and everything that measures and simulates."""
    judgement_sha256: str
    """Over what judges them: the scenario's truth, and the analysis."""


def files_of(name_or_path: str) -> tuple[Path, ...]:
    """Give the files that make a scenario: its own, its topology's and its schedule's. Raises UserError."""
    path = SCENARIOS / f"{name_or_path}.yaml"
    if not path.is_file():
        path = Path(name_or_path)

    def named(place: Place) -> tuple[Path, ...]:
        folders = {"topology": TOPOLOGIES, "schedule": SCHEDULES}
        names = {key: place.entries()[key].scalar or "" for key in folders}
        return tuple(
            path.parent / name if name.endswith(".yaml") else folders[key] / f"{name}.yaml"
            for key, name in names.items()
        )

    return path, *read(path, named)


def origin_of(files: Iterable[Path]) -> Origin:
    """Give the origin of a score now, from the files of its scenario, of which its own comes first."""
    scenario, *others = files
    told, happens = _truth_and_rest(scenario)
    named = [(scenario.name, happens), *((path.name, path.read_bytes()) for path in others)]
    judging = program_sha256(is_judging=True)
    return Origin(
        facts_sha256=_sha256_of([*named, ("program", program_sha256(is_judging=False).encode())]),
        judgement_sha256=_sha256_of([(scenario.name, told), ("program", judging.encode())]),
    )


def _truth_and_rest(path: Path) -> tuple[bytes, bytes]:
    """Give what a scenario's file says under ``truth``, and the rest of it."""

    def cut(place: Place) -> tuple[bytes, bytes]:
        written = path.read_text(encoding="utf-8")
        truth = place.entries().get("truth")
        if truth is None:
            return b"", written.encode()
        first, last = truth.node.start_mark.index, truth.node.end_mark.index
        return written[first:last].encode(), (written[:first] + written[last:]).encode()

    return read(path, cut)


@cache
def program_sha256(*, is_judging: bool) -> str:
    """Give one hash over the sources of everything that judges, or of everything that measures and simulates."""
    sources = sorted(
        (path.relative_to(ROOT).as_posix(), path)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".yaml"}
    )
    return _sha256_of(
        (name, path.read_bytes())
        for name, path in sources
        if not name.startswith(ONLY_SHOWING) and name.startswith(JUDGING) == is_judging
    )


def _sha256_of(named: Iterable[tuple[str, bytes]]) -> str:
    lines = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in named)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def keep(score: Score, origin: Origin, path: Path) -> None:
    """Write a score, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump({**asdict(origin), "score": asdict(score)}, file, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def recall(path: Path, origin: Origin) -> Score | str | None:
    """Read a score that was kept; the sentence that says why it holds no longer; ``None`` if there is none."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["facts_sha256"] != origin.facts_sha256:
            return "its scenario or what measures has changed since"
        if kept["judgement_sha256"] != origin.judgement_sha256:
            return "its truth or the analysis has changed since"
        return _score(kept["score"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "its file cannot be read"


def _score(kept: dict[str, Any]) -> Score:
    graded = (
        {**g, "grade": Grade(g["grade"]), "mechanisms": tuple(g["mechanisms"]), "rules": tuple(g["rules"])}
        for g in kept["graded"]
    )
    false = ({**e, "vantages": tuple(e["vantages"]), "targets": tuple(e["targets"])} for e in kept["false_events"])
    read = {
        "graded": tuple(Graded(**g) for g in graded),
        "events": tuple(GradedEvent(**{**e, "grade": EventGrade(e["grade"])}) for e in kept["events"]),
        "false_events": tuple(FalseEvent(**e) for e in false),
        "decisions": tuple(Decision(**d) for d in kept["decisions"]),
        "cycle_seconds": tuple(kept["cycle_seconds"]),
        "cycle_bytes": tuple(kept["cycle_bytes"]),
    }
    return Score(**{**kept, **read})
