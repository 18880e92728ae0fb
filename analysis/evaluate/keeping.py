"""Scores kept episode by episode, so that a run that was cut off goes on where it ended.

A file of lines of JSON. The first names the rules and the simulator that made it: scores of others are not mixed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.evaluate.event_match import EventGrade, FalseEvent, GradedEvent
from analysis.evaluate.score import Claim, Method, Score
from analysis.rules import RULESET
from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

Kept = dict[tuple[str, int], Score]
"""Scores by generator and seed."""


def made_by() -> str:
    """Give one hash over all that a score depends on: the rules, and the files of the evaluation."""
    root = Path(__file__).parent
    digest = hashlib.sha256(RULESET.encode())
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def begin(path: Path) -> Kept:
    """Give what a file keeps, or begin one. A last line that was cut off is dropped.

    ``UserError`` where the file is no such file, or other rules or another simulator made it.
    """
    try:
        if not path.exists():
            path.write_text(json.dumps({"made_by": made_by()}) + "\n", encoding="utf-8")
            return {}
        whole, _, cut_off = path.read_bytes().rpartition(b"\n")
        lines = [json.loads(line) for line in whole.split(b"\n")]
        maker = lines[0]["made_by"]
        kept = [_score(line) for line in lines[1:]] if maker == made_by() else []
        if cut_off and maker == made_by():
            path.write_bytes(whole + b"\n")
    except OSError as error:
        raise UserError(f"--keep: {path} cannot be used: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, IndexError):
        raise UserError(f"--keep: {path} is no file of kept scores; give a new one.") from None
    if maker != made_by():
        raise UserError(f"--keep: other rules or another simulator made {path}; give a new file.")
    return {(one.generator, one.seed): one for one in kept}


def keep(path: Path, score: Score) -> None:
    """Write one more score."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(score), ensure_ascii=False) + "\n")
    except OSError as error:
        raise UserError(f"--keep: {path} cannot be written: {error.strerror}.") from None


def _score(line: Mapping[str, Any]) -> Score:
    """Read one score back, as it was."""
    return Score(
        **{
            **line,
            "accused": tuple(line["accused"]),
            "false_events": tuple(FalseEvent(**_with_tuples(one)) for one in line["false_events"]),
            "events": tuple(GradedEvent(**{**one, "grade": EventGrade(one["grade"])}) for one in line["events"]),
            "open_named": tuple(line["open_named"]),
            "mechanisms": tuple(line["mechanisms"]),
            "claims": tuple(Claim(**one) for one in line["claims"]),
            "methods": {name: Method(**_with_tuples(one)) for name, one in line["methods"].items()},
            "pairs": tuple(line["pairs"]),
        }
    )


def _with_tuples(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in one.items()}
