"""The list of scenarios: as groups that a person can read, and as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.registry import Kind
    from lab.scenario import Scenario


def as_table(scenarios: Sequence[Scenario]) -> Table:
    """Draw scenarios under their families, in the order given."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("scenario", no_wrap=True)
    table.add_column("slots", justify="right")
    table.add_column("vantages", justify="right")
    table.add_column("what happens")
    family = None
    for one in scenarios:
        if one.family != family:
            family = one.family
            count = sum(other.family == family for other in scenarios)
            table.add_row()
            table.add_row(f"[bold]{family}[/] [dim]({count})[/]")
        table.add_row(f"  {one.name}", str(len(one.slots)), str(len(one.vantages)), escape(one.summary))
    return table


def kinds_as_table(kinds: Mapping[str, Mapping[str, Kind]]) -> Table:
    """Draw kinds under the key that names them, each with its keys; those that must be given stand in bold."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("kind", no_wrap=True)
    table.add_column("what it does")
    table.add_column("keys of `with`")
    for key, known in kinds.items():
        table.add_row()
        table.add_row(f"[bold]{key}[/] [dim]({len(known)})[/]")
        for kind in known.values():
            keys = (f"[bold]{name}[/]" if entry.is_required else name for name, entry in kind.record.keys.items())
            table.add_row(f"  {kind.name}", escape(kind.summary), ", ".join(keys))
    return table


def kinds_as_data(kinds: Mapping[str, Mapping[str, Kind]]) -> dict[str, Any]:
    """Give kinds for JSON, by the key that names them."""
    return {
        key: [
            {
                "kind": kind.name,
                "summary": kind.summary,
                "required": [name for name, entry in kind.record.keys.items() if entry.is_required],
                "optional": [name for name, entry in kind.record.keys.items() if not entry.is_required],
            }
            for kind in known.values()
        ]
        for key, known in kinds.items()
    }


def as_data(scenarios: Sequence[Scenario]) -> dict[str, Any]:
    """Give scenarios for JSON, in the order given."""
    return {
        "scenarios": [
            {
                "scenario": one.name,
                "family": one.family,
                "summary": one.summary,
                "seed": one.seed,
                "slots": len(one.slots),
                "starts_at": one.slots[0].isoformat().replace("+00:00", "Z"),
                "vantages": list(one.vantages),
            }
            for one in scenarios
        ]
    }
