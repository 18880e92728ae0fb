"""``nameblind analyze``: recompute every conclusion, and show it."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.analyse import analyse
from analysis.times import parse_time
from probe.commands.options import DEFAULT_DATABASE, AsJson, Db
from probe.model import Peer
from probe.store.database import Database
from probe.vantage import is_of_a_lab

if TYPE_CHECKING:
    from collections.abc import Sequence

WORST_FIRST = (
    "blocked", "tampered", "throttled", "suspected", "withheld", "down", "dark", "local", "insufficient", "ok",
)  # fmt: skip
STYLES = {
    "ok": "green",
    "blocked": "bold red",
    "tampered": "bold red",
    "throttled": "red",
    "suspected": "yellow",
    "withheld": "magenta",
    "down": "cyan",
    "dark": "blue",
    "local": "blue",
    "insufficient": "dim",
}


def analyze(
    db: Db = DEFAULT_DATABASE,
    *,
    since: Annotated[str | None, typer.Option(help="Only cycles begun at or after this time (ISO 8601).")] = None,
    until: Annotated[str | None, typer.Option(help="Only cycles begun before this time (ISO 8601).")] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute every conclusion from the stored facts, and show what they say.

    The same facts give the same conclusions, byte for byte. Earlier conclusions
    in the database are replaced; facts are never touched.

    Example: nameblind analyze --db results.db --json
    """
    first = parse_time(since, "--since") if since else None
    last = parse_time(until, "--until") if until else None
    with Database.open(db) as database:
        found = analyse(database, since=first, until=last)
        with database.session() as session:
            is_lab = is_of_a_lab(session)
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
        return
    console = Console()
    console.print(states_table(found))
    if is_lab:
        console.print("Made in the lab: nothing here was measured on a real network.")
    console.print(f"Rule set {found['ruleset']}; {len(found['events'])} event(s). All of it: nameblind analyze --json")


def states_table(found: dict[str, Any]) -> Table:
    """Give a table of vantage and service: every state that was concluded, the gravest first, each with its evidence.

    Where anything else was concluded, `ok` has no line of its own.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for state in found["states"]:
        if state["kind"] == "target":
            groups[state["vantage"], state["service"]].append(state)
    table = Table(title="What was concluded", title_justify="left")
    for heading in ("vantage", "service", "state", "measured", "evidence"):
        table.add_column(heading, overflow="fold")
    shown = ""
    for (vantage, service), states in sorted(groups.items()):
        if shown not in {"", vantage}:
            table.add_section()
        present = sorted({state["state"] for state in states} - {"ok"}, key=WORST_FIRST.index) or ["ok"]
        for place, name in enumerate(present):
            chosen = [state for state in states if state["state"] == name]
            table.add_row(
                Text(vantage if vantage != shown else ""),
                Text(service if not place else ""),
                Text(name, style=STYLES[name]),
                f"{len(chosen)} of {len(states)}",
                Text(_evidence(chosen, states, found["pairs"])),
            )
            shown = vantage
    return table


def _evidence(
    chosen: Sequence[dict[str, Any]], states: Sequence[dict[str, Any]], pairs: Sequence[dict[str, Any]]
) -> str:
    """Give the mechanisms, with the e-value where pairs showed them; else the commonest reason's first clause.

    The targets are named where the state is not that of all targets of the service.
    """
    targets = {state["target"] for state in chosen}
    only = ", ".join(sorted(targets)) + ": " if targets < {state["target"] for state in states} else ""
    words = sorted({mechanism for state in chosen for mechanism in state["mechanisms"]})
    if not words:
        reasons = Counter(state["reason"] for state in chosen)
        commonest: str = min(reasons, key=lambda text: (-reasons[text], text))
        return only + commonest.partition(":")[0].rstrip(".")
    series = {(state["vantage"], state["target"]) for state in chosen if _rests_on_pairs(state)}
    exponents = [p["log10_e"] for p in pairs if (p["vantage"], p["target"]) in series and p["peer"] == Peer.HELPER]
    return only + ", ".join(words) + (f" (E = 10^{int(max(exponents))})" if exponents else "")


def _rests_on_pairs(state: dict[str, Any]) -> bool:
    return any(item["rule"].startswith(("pairs.selective.", "pairs.intermittent.")) for item in state["evidence"])
