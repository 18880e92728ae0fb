"""How measurements of OONI with known truth are judged: every case in a database of its own, as a stranger would.

Takes a folder with ``truth.csv`` (columns ``case``, ``truth``, ``accepted_states``
joined by ``|``, ``mechanism_prefix``) and one file ``CASE.json`` (or ``.jsonl``,
``.gz``) a case. Prints a line a case and the counts. A mechanism counts when it is
the expected node, its ancestor or its descendant. `blocked` or `suspected` where the
truth is `ok`, `down` or `withheld` is a false accusation, at the sentinel too.
Exit status 1 where a case is outside its accepted states.

    python bench/ooni_cases.py FOLDER
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

from analysis.analyse import analyse
from analysis.exchange.importing.ooni import import_files
from probe.store.database import Database

ACCUSING = {"blocked", "suspected", "tampered", "throttled"}
INNOCENT = {"ok", "down", "withheld", "local", "dark"}


def related(one: str, other: str) -> bool:
    """Tell whether one node of the taxonomy is the other, or lies above it."""
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


def main(folder: Path) -> int:
    """Judge every case; print the scorecard."""
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as file:
        cases = list(csv.DictReader(file))
    right = named = accused = with_mechanism = 0
    for case in cases:
        files = sorted(path for path in folder.glob(f"{case['case']}.*") if path.name != "truth.csv")
        with tempfile.TemporaryDirectory() as scratch, Database.open(f"{scratch}/case.db", create=True) as database:
            _, refused = import_files(files, database)
            found = analyse(database)["states"] if not refused else []
        mine = [s for s in found if s["kind"] == "target" and not s["vantage"].startswith("ooni-helper-")]
        states = sorted({s["state"] for s in mine})
        mechanisms = sorted({m for s in mine for m in s["mechanisms"]})
        is_right = bool(mine) and set(states) <= set(case["accepted_states"].split("|"))
        is_accused = case["truth"] in INNOCENT and any(s["state"] in ACCUSING for s in found)
        wanted = case["mechanism_prefix"]
        is_named = not wanted or (bool(mechanisms) and all(related(m, wanted) for m in mechanisms))
        right, accused, with_mechanism = right + is_right, accused + is_accused, with_mechanism + bool(wanted)
        named += bool(wanted) and is_named
        mark = "ok  " if is_right and not is_accused else "MISS"
        reason = " ".join(sorted({s["reason"] for s in mine}))[:60]
        shown = f"{case['case']:60} {'|'.join(states):13} {','.join(mechanisms) or '-':22}"
        print(f"{mark} {shown} {'' if is_named else 'not ' + wanted:18} {reason}")
    print(
        f"{right} of {len(cases)} cases in their accepted states; {named} of {with_mechanism} mechanisms; "
        f"{accused} false accusations"
    )
    return 0 if right == len(cases) and not accused else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
