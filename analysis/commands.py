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
from probe.store.database import Database

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
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
        return
    console = Console()
    console.print(states_table(found))
    console.print(f"Rule set {found['ruleset']}; {len(found['events'])} event(s). All of it: nameblind analyze --json")


def states_table(found: dict[str, Any]) -> Table:
    """Give a table vantage x service: the gravest state that was concluded, and its evidence in a word."""
    cells: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for state in found["states"]:
        if state["kind"] == "target":
            cells[state["service"], state["vantage"]].append(state)
    vantages = sorted({vantage for _, vantage in cells})
    table = Table(title="What was concluded", show_lines=True)
    table.add_column("service")
    for vantage in vantages:
        table.add_column(Text(vantage))
    for service in sorted({service for service, _ in cells}):
        table.add_row(Text(service), *(cell(cells.get((service, vantage), [])) for vantage in vantages))
    return table


def cell(states: Sequence[dict[str, Any]]) -> Text:
    """Give one cell: the gravest state, how many of the measurements have it, and the mechanism or the rule."""
    if not states:
        return Text("not measured", style="dim")
    counts = Counter(state["state"] for state in states)
    gravest = min(counts, key=WORST_FIRST.index)
    chosen = [state for state in states if state["state"] == gravest]
    words = sorted({mechanism for state in chosen for mechanism in state["mechanisms"]})
    reasons = Counter(state["reason"] for state in chosen)
    reason = min(reasons, key=lambda text: (-reasons[text], text))
    text = Text(f"{gravest} ", style=STYLES[gravest])
    text.append(f"{counts[gravest]} of {len(states)}\n", style="not bold default")
    text.append(", ".join(words) or reason, style="not bold default")
    return text
