"""``nameblind lab``: list, run, exec, score."""

from __future__ import annotations

import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lab import scenario_file
from lab.director import run_scenario
from lab.running import require_lab, running
from lab.score import Grade, Score, middle, play
from probe.commands.options import AsJson
from probe.errors import PassedOnExit, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.scenario import Scenario


DEFAULT_DATABASE = "results-lab.db"
"""Not the probe's own: what a lab made must never mix with what was measured."""

GRADE_STYLES = {Grade.RIGHT: "green", Grade.WEAKER: "cyan", Grade.MISSED: "yellow", Grade.FALSE_ACCUSATION: "bold red"}

app = typer.Typer(
    name="lab",
    help="""An Internet in one process, with censors and disasters whose truth is known.

    Hosts are network namespaces with real kernels, sockets, TLS and DNS; what lies between them is simulated,
    packet by packet. Nothing leaves the machine. It needs root, or user namespaces and an open /dev/net/tun.

    Try: nameblind lab list, then nameblind lab run sni-reset, then nameblind analyze --db results-lab.db
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
)

ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A name from `lab list`, or the path of a scenario's YAML file.")
]
Seed = Annotated[
    int | None, typer.Option(help="Decides every loss and jitter of the lab; without it, the scenario's own.")
]


def _console() -> Console:
    return Console(stderr=True)


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios, each with what really happens in it.

    The family says what an honest analysis should find: calm, censorship, damage, local, or mixed.
    """
    table = Table("scenario", "family", "slots", "vantages", "what happens", box=None)
    for name in scenario_file.names():
        scenario = scenario_file.load(name)
        table.add_row(name, scenario.family, str(len(scenario.slots)), str(len(scenario.vantages)), scenario.summary)
    Console().print(table)


@app.command()
def run(
    scenario: ScenarioName,
    db: Annotated[
        str, typer.Option("--db", metavar="URL", help="Where the facts go; it must not hold this lab's yet.")
    ] = DEFAULT_DATABASE,
    seed: Seed = None,
) -> None:
    """Run a scenario: every vantage measures in every slot, and the facts of all go into one database.

    The probe that measures is the real one. Judge what it saw with `nameblind analyze --db URL`.

    Example: nameblind lab run zhanaozen-short --db results-lab.db
    """
    chosen = scenario_file.load(scenario, seed=seed)
    run_with_progress(chosen, db)
    _console().print(f"{chosen.name}: {len(chosen.slots)} slots at {len(chosen.vantages)} vantages, in {db}")


def run_with_progress(chosen: Scenario, db: str) -> None:
    """Run a scenario with a progress bar on standard error."""
    require_lab()
    with _bar() as progress:
        task = progress.add_task(chosen.name, total=1.0)
        run_scenario(
            chosen, db, progress=lambda share, label: progress.update(task, completed=share, description=label)
        )


@app.command("exec")
def exec_inside(
    scenario: ScenarioName,
    host: Annotated[str, typer.Argument(help="A host of the scenario's topology, such as vantage-a.")],
    command: Annotated[list[str], typer.Argument(help="Any program and its arguments, after `--`.")],
    *,
    slot: Annotated[int, typer.Option(help="Whose conditions hold, from 1; without it, the last.", min=0)] = 0,
    seed: Seed = None,
) -> None:
    """Run any program inside a host of a lab, and pass on its exit status.

    The lab is started for it, under the conditions of one slot, and ends with it. The program sees the host's
    own interface, addresses and resolver, and reaches nothing outside.

    Example: nameblind lab exec sni-reset vantage-a -- curl -v https://social.example/
    """
    chosen = scenario_file.load(scenario, seed=seed)
    number = slot or len(chosen.slots)
    if number > len(chosen.slots):
        raise UserError(f"{chosen.name} has {len(chosen.slots)} slots: give --slot a number from 1 to that")
    with running(chosen.topology, seed=chosen.seed, at=chosen.slots[0]) as lab:
        lab.apply(chosen.conditions(number))
        try:
            status = lab.spawn(host, command).wait()
        except FileNotFoundError:
            raise UserError(f"there is no program {command[0]!r} on this machine: check its name") from None
    raise PassedOnExit(status if status >= 0 else 128 - status)


@app.command()
def score(
    scenarios: Annotated[
        list[str] | None, typer.Argument(metavar="[SCENARIO]...", help="Names or files; without any, all.")
    ] = None,
    *,
    as_json: AsJson = False,
    jobs: Annotated[int, typer.Option(help="Scenarios at the same time.", min=1, max=64)] = 1,
    seed: Seed = None,
) -> None:
    """Run scenarios and hold what the analysis says against what really happened.

    right: the true state. weaker: an honest state that says less. missed: another. FALSE: somebody is accused
    of what nobody did; it should never happen, and ends the command with status 1.

    Example: nameblind lab score sni-reset upstream-cut --json
    """
    chosen = [(name, seed) for name in scenarios or scenario_file.names()]
    for name, _ in chosen:
        scenario_file.load(name)  # a wrong file is refused before anything runs
    require_lab()
    scores: list[Score] = []
    with _bar() as progress:
        task = progress.add_task("scoring", total=len(chosen))
        for one in scores_of(chosen, jobs):
            scores.append(one)
            progress.update(task, advance=1, description=one.scenario)
    scores.sort(key=lambda one: (one.family, one.scenario))
    if as_json:
        sys.stdout.write(json.dumps({"scores": [one.as_dict() for one in scores]}, indent=1) + "\n")
    else:
        _print(scores)
    if any(one.count(Grade.FALSE_ACCUSATION) for one in scores):
        raise typer.Exit(1)


def scores_of(chosen: list[tuple[str, int | None]], jobs: int) -> Iterator[Score]:
    """Score each as it ends. A process of its own for each job, since a lab moves its process about."""
    if jobs == 1:
        for name, seed in chosen:
            yield _score_one(name, seed)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(_score_one, name, seed) for name, seed in chosen]):
            yield future.result()


def _score_one(name: str, seed: int | None) -> Score:
    return play(scenario_file.load(name, seed=seed))


def _bar() -> Progress:
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    return Progress(*columns, console=_console(), transient=True)


def _print(scores: list[Score]) -> None:
    table = Table(box=None)
    table.add_column("scenario", no_wrap=True)
    table.add_column("family", no_wrap=True)
    for grade in Grade:
        table.add_column("FALSE" if grade is Grade.FALSE_ACCUSATION else grade.value, justify="right")
    for heading in ("mech.", "pairs", "s", "kB"):  # pairs to E of a thousand; seconds and kB of a cycle
        table.add_column(heading, justify="right")
    for one in scores:
        cells = []
        for grade in Grade:
            count = one.count(grade)
            style = GRADE_STYLES[grade]
            cells.append(f"[{style}]{count}[/]" if count else "[dim]0[/]")
        named = [g.is_mechanism_right for g in one.graded if g.is_mechanism_right is not None]
        pairs = sorted(one.pairs_to_decision.values())
        table.add_row(
            one.scenario,
            one.family,
            *cells,
            f"{sum(named)}/{len(named)}" if named else "",
            f"{pairs[0]}-{pairs[-1]}" if pairs else "",
            f"{middle(one.cycle_seconds):.1f}",
            f"{middle(one.cycle_bytes) / 1000:.0f}",
        )
    console = Console()
    console.print(table)
    for one in scores:
        for g in one.graded:
            if g.grade in {Grade.MISSED, Grade.FALSE_ACCUSATION}:
                style = GRADE_STYLES[g.grade]
                console.print(
                    f"[{style}]{g.grade.value}[/] {one.scenario}: {g.vantage} {g.target} slot {g.slot}: "
                    f"truth {g.truth}, analysis {g.state} ({', '.join(g.rules)})"
                )
