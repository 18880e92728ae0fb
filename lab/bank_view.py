"""Makes a bank of runs for a person, and shows how far it has come.

On a terminal that is a bar, with one for each run at work; elsewhere a line whenever a run ends.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lab.bank import Outcome, make, recalled, runs_of
from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console, RenderableType

    from lab.bank import Stand
    from lab.scenario import Scenario


def score_all(
    chosen: Sequence[tuple[str, Scenario]], *, at_once: int, folder: Path | None, console: Console
) -> Outcome:
    """Score scenarios, each given with the name or path that it was read from, ``at_once`` at the same time.

    With a ``folder``, what was scored there and still holds is not run again.
    Raises UserError, which says how to go on, when it is interrupted.
    """
    runs = runs_of(chosen)
    wanted = len(runs)
    outcome = Outcome()
    if folder is not None:
        outcome.scores, to_make, stale = recalled(runs, folder)
        for name, why in stale.items():
            console.print(f"{name} is run again: {why}", markup=False, highlight=False, soft_wrap=True)
        if outcome.scores:
            console.print(f"{len(outcome.scores)} of {wanted} runs were scored before, and still hold")
        runs = to_make
    try:
        with showing(console) as see:
            make(runs, outcome, at_once=at_once, folder=folder, watch=see)
    except KeyboardInterrupt:
        raise UserError(_how_to_go_on(len(outcome.scores), wanted, is_kept=folder is not None)) from None
    return outcome


def _how_to_go_on(scored: int, wanted: int, *, is_kept: bool) -> str:
    if is_kept:
        return f"interrupted; {scored} of {wanted} runs are scored and kept: the same command goes on from there"
    return (
        f"interrupted; {scored} of {wanted} runs were scored, and none was kept: give --results DIR to be able to go on"
    )


def line(stand: Stand) -> str:
    """Say in one line how far it is, and how long the rest will take."""
    return f"{stand.done} of {stand.total} runs, {_rest(stand.rest_s)}"


def _rest(rest_s: float | None) -> str:
    if rest_s is None:
        return "the rest cannot be told yet"
    if rest_s < 90:
        return f"about {rest_s:.0f} s to go"
    return f"about {rest_s / 60:.0f} min to go"


def picture(stand: Stand) -> RenderableType:
    """Draw the bar of the whole, and one for each run that is at work."""
    table = Table.grid(padding=(0, 2))
    table.add_row(ProgressBar(total=1.0, completed=stand.share, width=40), Text(line(stand)))
    for name, step in stand.running:
        table.add_row(ProgressBar(total=1.0, completed=step.share, width=40), Text(f"{name}: {step.label}"))
    return Group(table)


@contextlib.contextmanager
def showing(console: Console) -> Iterator[Callable[[Stand], None]]:
    """Give what is to be called with each stand; it is shown until the block ends."""
    if not console.is_terminal:
        yield _lines(console)
        return
    with Live(console=console, refresh_per_second=2, transient=True) as live:
        yield lambda stand: live.update(picture(stand))


def _lines(console: Console) -> Callable[[Stand], None]:
    told: set[int] = set()

    def see(stand: Stand) -> None:
        if stand.done not in told:
            told.add(stand.done)
            running = ", ".join(name for name, _ in stand.running)
            console.print(f"{line(stand)}; now {running}", markup=False, highlight=False, soft_wrap=True)

    return see
