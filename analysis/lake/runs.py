"""What a lake holds: a small file for each run, which names the files that it added and where each chain stood then.

A file that no run names was left by a run that was cut off. The next one removes
it, so nothing is there twice.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from probe.errors import UserError
from probe.store.chain import End

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RUNS: Final = "runs"
PART: Final = "*/**/part-*.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the runs so far have written."""

    runs: int
    files: frozenset[str]
    ends: Mapping[str, End]


def held(lake: Path) -> Held:
    """Read every run of a lake. ``UserError`` for a folder that is none, and for a run that is not ours."""
    folder = lake / RUNS
    if not folder.is_dir():
        if lake.exists() and any(lake.iterdir()):
            raise UserError(f"{lake} holds something that is no lake; name a new folder, or one that this command made")
        return Held(runs=0, files=frozenset(), ends={})
    files: set[str] = set()
    ends: dict[str, End] = {}
    paths = sorted(folder.glob("*.json"))
    for path in paths:
        try:
            told = json.loads(path.read_bytes())
            files |= set(told["files"])
            ends |= {name: End(int(end["chain_seq"]), str(end["chain_sha256"])) for name, end in told["ends"].items()}
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            raise UserError(
                f"{path} is not what this program writes; write the lake anew into another folder"
            ) from None
    return Held(runs=len(paths), files=frozenset(files), ends=ends)


def remove_unnamed(lake: Path, files: frozenset[str]) -> int:
    """Remove the files that no run names; give their count."""
    unnamed = [path for path in lake.glob(PART) if path.relative_to(lake).as_posix() not in files]
    for path in unnamed:
        path.unlink()
    return len(unnamed)


def add(lake: Path, number: int, files: Mapping[str, int], ends: Mapping[str, End]) -> None:
    """Write down a run, last of all: its files count from here on."""
    told: dict[str, Any] = {
        "files": dict(sorted(files.items())),
        "ends": {
            name: {"chain_seq": end.chain_seq, "chain_sha256": end.chain_sha256} for name, end in sorted(ends.items())
        },
    }
    folder = lake / RUNS
    fresh = folder / f".{number:06}.new"
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(told, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(folder / f"{number:06}.json")
