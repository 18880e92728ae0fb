"""What kept runs of the lab came to: the sheets that ``nameblind lab score --keep`` lays beside their facts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What many kept runs come to together."""

    runs: int
    measurements: int
    false_states: int
    false_events: int
    events: dict[str, int]
    """By grade."""

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return asdict(self)


def read_kept(folder: Path) -> Kept:
    """Read every sheet of a folder. ``UserError`` where there is none, or one cannot be read."""
    if not folder.is_dir():
        raise UserError(f"--lab: {folder} is no folder; give one in which `nameblind lab score` keeps its runs.")
    sheets = [_score(path) for path in sorted(folder.glob("*.json"))]
    if not sheets:
        raise UserError(f"--lab: {folder} holds no kept run (NAME@SEED.json); `nameblind lab score` makes them.")
    events = Counter(event["grade"] for sheet in sheets for event in sheet["events"])
    grades = Counter(graded["grade"] for sheet in sheets for graded in sheet["graded"])
    return Kept(
        runs=len(sheets),
        measurements=sum(grades.values()),
        false_states=grades["false-accusation"],
        false_events=sum(len(sheet["false_events"]) for sheet in sheets),
        events=dict(sorted(events.items())),
    )


def _score(path: Path) -> dict[str, Any]:
    try:
        sheet = json.loads(path.read_text(encoding="utf-8"))["score"]
        kept = {key: [dict(entry) for entry in sheet[key]] for key in ("events", "graded", "false_events")}
        _ = [entry["grade"] for key in ("events", "graded") for entry in kept[key]]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"--lab: {path} is no sheet of a kept run; remove it, or score the run again.") from None
    return kept
