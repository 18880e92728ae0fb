"""``nameblind evaluate``: the scorecard of the analysis against known truth."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - Typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis.evaluate.bars import bars_of
from analysis.evaluate.keeping import begin, keep
from analysis.evaluate.kept import read_kept
from analysis.evaluate.pictures import pictures
from analysis.evaluate.runs import plan, run
from analysis.evaluate.scorecard import scorecard
from analysis.evaluate.sheets import as_markdown, for_terminal
from probe.commands.options import AsJson
from probe.errors import UserError

if TYPE_CHECKING:
    from analysis.evaluate.runs import Plan
    from analysis.evaluate.score import Score

BEGINS, ENDS = "<!-- figures: nameblind evaluate --markdown -->", "<!-- end of figures -->"

EPISODES = 3000
"""Of damage: with none falsely accused among them, the true share is at most 1 in 1,000 at 95 %."""


def evaluate(
    *,
    episodes: Annotated[
        int, typer.Option(min=1, help="Simulated episodes of damage; of every other mechanism there is 1 for 60.")
    ] = EPISODES,
    seed: Annotated[int, typer.Option(min=0, help="Another seed simulates other episodes.")] = 0,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: one a core. The figures do not depend on it.")] = 0,
    lab: Annotated[
        Path | None, typer.Option(help="A folder with kept runs of `nameblind lab score`, to be counted too.")
    ] = None,
    keeping: Annotated[
        Path | None,
        typer.Option("--keep", help="Keep each episode's score in this file; a run that was cut off goes on from it."),
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the tables to this page, or between its marks.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the pictures (SVG) into this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score the analysis, and the methods in use today, on thousands of simulated episodes whose truth is known.

    Fibres are cut, exchanges burn, links lose packets; somebody blocks a name,
    switches an operator off, or makes an order look like damage. Everybody judges
    the same facts. The figure that counts most: how often somebody is accused of
    what nobody did. docs/evaluation.md tells what is simulated and how it counts.

    Example: nameblind evaluate --episodes 200 --out pictures
    """
    kept = read_kept(lab) if lab is not None else None
    for path, option in ((markdown, "--markdown"), (out, "--out"), (keeping, "--keep")):
        _check_place(path, option)
    scores = scores_of(plan(episodes, seed), jobs or os.cpu_count() or 1, keeping)
    card = scorecard(scores, seed=seed)
    if markdown is not None:
        _write(markdown, _with_figures(markdown, as_markdown(card, kept)))
    if out is not None:
        out.mkdir(exist_ok=True)
        for name, picture in pictures(card).items():
            _write(out / name, picture)
    if as_json:
        found = card.as_dict() | {"bars": [asdict(bar) for bar in bars_of(card)]}
        if kept is not None:
            found["lab"] = kept.as_dict()
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
        return
    Console().print(for_terminal(card, kept))


def _check_place(path: Path | None, option: str) -> None:
    """Refuse a place that cannot be written before an hour is spent."""
    if path is not None and not path.absolute().parent.is_dir():
        raise UserError(f"{option}: there is no folder {path.absolute().parent}; make it first.")
    if path is not None and option in {"--markdown", "--keep"} and path.is_dir():
        raise UserError(f"{option}: {path} is a folder; give the name of a file.")
    if path is not None and option == "--out" and path.exists() and not path.is_dir():
        raise UserError(f"{option}: {path} is a file; give a folder.")


def _with_figures(path: Path, tables: str) -> str:
    """Put tables between the marks of a page that has them; else they are the page."""
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    return f"{before}{begins}\n{tables}\n{ends}{after}" if begins and ends else tables


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None


def scores_of(wanted: Plan, jobs: int, path: Path | None = None) -> list[Score]:
    """Score every episode of a plan, in its order; those that ``path`` keeps are not judged again."""
    done = begin(path) if path is not None else {}
    left = tuple(one for one in wanted if one not in done)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("judging episodes", total=len(wanted), completed=len(wanted) - len(left))
        for one in run(left, jobs):
            if path is not None:
                keep(path, one)
            done[one.generator, one.seed] = one
            falsely = sum(score.is_falsely_accusing for score in done.values())
            progress.update(task, advance=1, description=f"judging episodes ({falsely} falsely accusing)")
    return [done[one] for one in wanted]
