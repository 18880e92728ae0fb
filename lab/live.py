"""Shows a running scenario: a picture that keeps itself up to date on a terminal, a line for each slot elsewhere."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lab.view import ASLEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, RenderableType

    from lab.view import InForce, VantageView, View

REFRESHES_PER_S: Final = 4

BAR_WIDTH: Final = 12

_STATE_STYLES: Final = {"up": "green", "down": "red", "unplugged": "red", ASLEEP: "dim"}

_NATURE_STYLES: Final = {"box": "magenta", "lie": "magenta", "order": "red", "disaster": "yellow", "refusal": "cyan"}


def heading(view: View) -> str:
    """Say which slot it is, and its time: UTC, and what the clocks on the spot show where that is known."""
    if not view.slot:
        return f"{view.scenario}: {view.label}"
    return f"{view.scenario}: {view.label}{_local(view)}"


def _local(view: View) -> str:
    if view.utc_offset is None:
        return ""
    local = view.slot_at + view.utc_offset
    day = f"{local:%Y-%m-%d} " if local.date() != view.slot_at.date() else ""
    sign = "-" if view.utc_offset < timedelta(0) else "+"
    minutes = abs(view.utc_offset) // timedelta(minutes=1)
    return f" ({day}{local:%H:%M} local time, UTC{sign}{minutes // 60:02}:{minutes % 60:02})"


def line(view: View) -> str:
    """Give one plain line for a slot: its time, what is in force, what does not work."""
    parts = [heading(view)]
    if view.in_force:
        parts.append("in force: " + ", ".join(f"{one.kind} at {one.place}" for one in view.in_force))
    if view.links_down:
        parts.append("links down: " + ", ".join(view.links_down))
    if view.nodes_out:
        parts.append("out: " + ", ".join(view.nodes_out))
    not_up = [f"{vantage.name} {vantage.state}" for vantage in view.vantages if vantage.state != "up"]
    if not_up:
        parts.append("vantages: " + ", ".join(not_up))
    return "; ".join(parts)


def picture(view: View) -> RenderableType:
    """Draw the whole view."""
    title = Text(heading(view), style="bold")
    total = Table.grid(padding=(0, 1))
    total.add_row(ProgressBar(total=1.0, completed=view.share, width=BAR_WIDTH * 3), f"{view.share:.0%}")
    parts: list[RenderableType] = [title, total, _vantages(view.vantages)]
    if view.in_force:
        parts.append(_forces(view.in_force))
    if view.links_down:
        parts.append(Text("links down: " + ", ".join(view.links_down), style="red"))
    if view.nodes_out:
        parts.append(Text("out: " + ", ".join(view.nodes_out), style="red"))
    return Group(*parts)


def _vantages(vantages: tuple[VantageView, ...]) -> Table:
    table = Table("vantage", "region", "network", "bearer", "state", "cycle", "now measuring", box=None)
    for one in vantages:
        bar = ProgressBar(total=1.0, completed=one.share, width=BAR_WIDTH)
        table.add_row(
            one.name,
            one.region or "",
            one.network,
            one.bearer,
            f"[{_STATE_STYLES.get(one.state, '')}]{one.state}[/]" if one.state in _STATE_STYLES else one.state,
            bar if one.state != ASLEEP else "",
            escape(one.progress.target) if one.share < 1 else "[dim]done[/]",
        )
    return table


def _forces(forces: tuple[InForce, ...]) -> Table:
    table = Table("in force", "what", "where", "for packets of", box=None)
    table.add_column("seen", justify="right")
    table.add_column("acted on", justify="right")
    for one in forces:
        table.add_row(
            f"[{_NATURE_STYLES[one.nature]}]{one.nature}[/]",
            one.kind,
            escape(one.place),
            ", ".join(one.networks) or ("all" if one.seen is not None else ""),
            "" if one.seen is None else f"{one.seen:,}",
            "" if one.acted is None else f"{one.acted:,}",
        )
    return table


@contextlib.contextmanager
def showing(console: Console) -> Iterator[Callable[[View], None]]:
    """Give what is to be called with each view; it is shown until the block ends."""
    if not console.is_terminal:
        yield _lines(console)
        return
    shown: list[View] = []  # the last one

    def see(view: View) -> None:
        shown[:] = [view]

    with Live(
        get_renderable=lambda: picture(shown[0]) if shown else Text("starting the lab"),
        console=console,
        refresh_per_second=REFRESHES_PER_S,
        transient=True,
    ):
        yield see


def _lines(console: Console) -> Callable[[View], None]:
    told: set[int] = set()

    def see(view: View) -> None:
        if view.slot not in told:
            told.add(view.slot)
            console.print(line(view), markup=False, highlight=False, soft_wrap=True)

    return see
