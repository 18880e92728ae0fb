"""``nameblind lab``: list, run, exec, score."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from analysis.rules.evidence import weights as rule_weights
from lab import bank_view, listing, live, scenario_file, timeline_file, weights
from lab.director import run_scenario
from lab.running import require_lab, running
from lab.scenario import FAMILIES
from lab.scorecard import scorecard
from lab.scorecard_sheets import as_markdown, drawn, facts_of, sheets
from probe.commands.options import AsJson
from probe.errors import PassedOnExit, UserError

if TYPE_CHECKING:
    from lab.scenario import Scenario


DEFAULT_DATABASE = "results-lab.db"
"""Not the probe's own: what a lab made must never mix with what was measured."""

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
    int | None,
    typer.Option(help="Decides what varies in the scenario, and every loss and jitter; without it, its own."),
]
Families = Annotated[
    list[str] | None, typer.Option("--family", metavar="FAMILY", help=f"{', '.join(FAMILIES)}; repeatable.")
]
Captures = Annotated[
    list[str] | None,
    typer.Option(
        "--capture",
        metavar="LINK=FILE",
        help="Write what a link carries, such as core-a--gateway, as pcap; repeatable.",
    ),
]


def _console() -> Console:
    return Console(stderr=True)


def _print_json(found: object) -> None:
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def _chosen(names: list[str] | None, families: list[str] | None, seed: int | None = None) -> list[tuple[str, Scenario]]:
    """Read scenarios, by their families' order; a wrong file is refused before anything runs."""
    for family in families or []:
        if family not in FAMILIES:
            raise UserError(f"there is no family {family!r}: choose some of {', '.join(FAMILIES)}")
    read = [(name, scenario_file.load(name, seed=seed)) for name in names or scenario_file.names()]
    chosen = [(name, one) for name, one in read if not families or one.family in families]
    return sorted(chosen, key=lambda entry: FAMILIES.index(entry[1].family))


def _captures(written: list[str] | None, scenario: Scenario) -> dict[str, Path]:
    """Read ``LINK=FILE``: into which file what a link carries goes."""
    captures: dict[str, Path] = {}
    for entry in written or []:
        link, separator, file = entry.partition("=")
        if not separator or not file:
            raise UserError(f"--capture {entry!r}: give a link and a file, as core-a--gateway=gateway.pcap")
        if link not in scenario.topology.links:
            known = ", ".join(scenario.topology.links)
            raise UserError(f"--capture: {scenario.name} has no link {link!r}: choose one of {known}")
        captures[link] = Path(file)
    return captures


@app.command("list")
def list_scenarios(*, families: Families = None, as_json: AsJson = False) -> None:
    """List the scenarios, by family, each with what really happens in it.

    Example: nameblind lab list --family blocking --family mimicry
    """
    scenarios = [one for _, one in _chosen(None, families)]
    if as_json:
        _print_json(listing.as_data(scenarios))
    else:
        Console().print(listing.as_table(scenarios))


@app.command("kinds")
def list_kinds(*, as_json: AsJson = False) -> None:
    """List what can happen in a scenario: middleboxes, disasters, orders, refusals, each with its keys.

    Keys in bold must be given. How they stand in a scenario's file: docs/scenarios.md
    """
    known = timeline_file.all_kinds()
    if as_json:
        _print_json(listing.kinds_as_data(known))
    else:
        Console().print(listing.kinds_as_table(known))


@app.command()
def run(
    scenario: ScenarioName,
    db: Annotated[
        str, typer.Option("--db", metavar="URL", help="Where the facts go; it must not hold this lab's yet.")
    ] = DEFAULT_DATABASE,
    seed: Seed = None,
    capture: Captures = None,
) -> None:
    """Run a scenario: every vantage measures in every slot, and the facts of all go into one database.

    The probe that measures is the real one. Judge what it saw with `nameblind analyze --db URL`.

    Example: nameblind lab run zhanaozen-short --db results-lab.db
    """
    chosen = scenario_file.load(scenario, seed=seed)
    run_with_progress(chosen, db, _captures(capture, chosen))
    _console().print(f"{chosen.name}: {len(chosen.slots)} slots at {len(chosen.vantages)} vantages, in {db}")


def run_with_progress(chosen: Scenario, db: str, captures: dict[str, Path] | None = None) -> None:
    """Run a scenario, and show on standard error what happens in it."""
    require_lab()
    with live.showing(_console()) as see:
        run_scenario(chosen, db, watch=see, captures=captures or {})


@app.command("exec")
def exec_inside(
    scenario: ScenarioName,
    host: Annotated[str, typer.Argument(help="A host of the scenario's topology, such as vantage-a.")],
    command: Annotated[list[str], typer.Argument(help="Any program and its arguments, after `--`.")],
    *,
    slot: Annotated[int, typer.Option(help="Whose conditions hold, from 1; without it, the last.", min=0)] = 0,
    seed: Seed = None,
    capture: Captures = None,
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
    captures = _captures(capture, chosen)
    with running(chosen.topology, seed=chosen.seed, at=chosen.slots[0], captures=captures) as lab:
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
    families: Families = None,
    seeds: Annotated[
        list[int] | None, typer.Option("--seed", help="Run under this seed, not the scenario's own; repeatable.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Scenarios at the same time.", min=1, max=64)] = 2,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep each score there the moment it is made; what is there and still holds is not run again.",
        ),
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the scorecard there as a page, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run scenarios and hold what the analysis says against what really happened.

    right: the true state. weaker: an honest state that says less. missed: another. FALSE: somebody is accused
    of what nobody did; it should never happen, and ends the command with status 1, as a scenario that fails does.

    Example: nameblind lab score --family blocking --seed 1 --seed 2 --results build/lab-scores
    """
    wanted: list[int | None] = [*seeds] if seeds else [None]
    chosen = [entry for seed in wanted for entry in _chosen(scenarios, families, seed)]
    require_lab()
    outcome = bank_view.score_all(chosen, at_once=jobs, folder=results, console=_console())
    found = scorecard(outcome.scores, outcome.failures)
    if markdown is not None:
        facts = facts_of(found, scenarios=scenarios, families=families, seeds=seeds)
        markdown.parent.mkdir(parents=True, exist_ok=True)
        markdown.write_text(as_markdown(found, facts), encoding="utf-8")
    if as_json:
        _print_json(found.as_dict())
    else:
        console = Console()
        for sheet in sheets(found):
            console.print(drawn(sheet))
    if not found.is_clean:
        raise typer.Exit(1)


@app.command("weights")
def fit_weights(
    results: Annotated[Path, typer.Argument(metavar="DIR", help="Where `lab score --results DIR` keeps its scores.")],
    *,
    jobs: Annotated[int, typer.Option(help="Scenarios at the same time.", min=1, max=64)] = 2,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the weights there, as analysis/rules/weights.yaml has them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit the weights of the rules by counting on scored runs of all scenarios; what is not scored yet is run first.

    Example: nameblind lab weights build/lab-scores --out analysis/rules/weights.yaml
    """
    outcome = bank_view.score_all(_chosen(None, None), at_once=jobs, folder=results, console=_console())
    if outcome.failures:
        raise UserError(f"{len(outcome.failures)} of the runs failed, so no weights were fitted: see `lab score`")
    found = weights.fit(outcome.scores, rule_weights())
    if out is not None:
        out.write_text(weights.as_yaml(found, version=version("nameblind")), encoding="utf-8")
    if as_json:
        _print_json(asdict(found))
        return
    table = Table(title=f"Weights from {found.runs} runs", title_justify="left")
    for heading in (
        "rule",
        "log10 LR",
        "interval",
        *(f"{n} ({c})" for n, c in zip(weights.CLASSES, found.episodes, strict=True)),
    ):
        table.add_column(heading, justify="left" if heading == "rule" else "right")
    for w in found.weights:
        table.add_row(w.rule, f"{w.log10_lr:+.2f}", f"{w.low:+.2f} … {w.high:+.2f}", *(f"{f:.1f}" for f in w.fired))
    Console().print(table)
