"""Shows a scorecard: as sheets of text, which a terminal draws as tables and a page of docs as Markdown.

Both show the same sheets; only here is decided how a figure is written.
"""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.evaluate.event_match import EventGrade
from analysis.evaluate.grading import Grade
from analysis.rules import RULESET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from analysis.evaluate.intervals import Share
    from lab.score import Graded
    from lab.scorecard import Card, Scorecard, Spread

PAGE_OPENING: Final = """\
# The scorecard

What the analysis says, held against what really happened in the lab. [The lab](lab.md) says how its worlds are made
and scored. The figures are those of one day, good or bad; the command below makes them anew.
"""

HEADINGS: Final = {Grade.FALSE_ACCUSATION: "FALSE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One table."""

    title: str
    note: str
    """What its figures mean; empty where the headings say it."""
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sheets(found: Scorecard) -> tuple[Sheet, ...]:
    """Give every sheet that has rows, the figures of the whole first, the single mistakes last."""
    made = (
        _failures(found),
        _overview(found),
        _accusations(found),
        _matrix(
            "States",
            "Rows: the true state; columns: what the analysis says. Measurements of targets.",
            found.total.states,
        ),
        _matrix(
            "Causes of events",
            "Rows: the true cause; columns: the cause under which it is told, (none) where it is missed. "
            "The row (none) has the events that accuse and did not happen.",
            found.total.causes,
        ),
        _costs(found),
        _runs(found),
        _mistakes(found),
    )
    return tuple(sheet for sheet in made if sheet.rows)


def _cards(found: Scorecard) -> Iterator[tuple[str, Card]]:
    yield from found.families.items()
    if len(found.families) > 1:
        yield "all", found.total


def _failures(found: Scorecard) -> Sheet:
    return Sheet(
        title="Not scored",
        note="These scenarios did not run to their end, and no figure below counts them.",
        headings=("scenario", "seed", "why"),
        rows=tuple((one.scenario, str(one.seed), without_paths(one.sentence)) for one in found.failures),
    )


def without_paths(sentence: str) -> str:
    """Give a sentence with the last part alone of every absolute path in it: folders are this machine's own."""
    return re.sub(r"(?<![\w/:])/(?:[^\s/:'\"]+/)+", "", " ".join(sentence.split()))


def _overview(found: Scorecard) -> Sheet:
    return Sheet(
        title="Measurements and events",
        note="right: the true state. weaker: an honest state that says less. missed: another state, or no measurement. "
        "FALSE: somebody is accused of what nobody did. Events: found under their own cause, weaker under one that "
        "the truth accepts or as undetermined, wrong under another, missed. false: events that accuse and did not "
        "happen. alerts: events of the analysis for each that happened.",
        headings=(
            "family",
            "runs",
            *(HEADINGS.get(grade, grade.value) for grade in Grade),
            *(f"{'events ' if grade is EventGrade.FOUND else ''}{grade.value}" for grade in EventGrade),
            "false",
            "alerts",
        ),
        rows=tuple(
            (
                family,
                str(card.runs),
                *(f"{card.grades[grade]:,}" for grade in Grade),
                *(f"{card.events[grade]:,}" for grade in EventGrade),
                f"{card.false_events:,}",
                _number(card.alerts_per_event, ".1f"),
            )
            for family, card in _cards(found)
        ),
    )


def _accusations(found: Scorecard) -> Sheet:
    def row(family: str, unit: str, share: Share) -> tuple[str, ...]:
        return family, unit, f"{share.count:,}", f"{share.of:,}", f"{100 * share.at_most:.2f} %"

    return Sheet(
        title="False accusations",
        note="Of measurements on which nobody acted (controls too), and of runs that have any. at most: the upper "
        "bound of the true share with 95 % confidence (Clopper-Pearson). The measurements of one run hang together, so "
        "the bound per run is the honest one.",
        headings=("family", "of", "false", "all", "at most"),
        rows=tuple(
            row(family, unit, share)
            for family, card in _cards(found)
            for unit, share in (("measurements", card.false_accusations), ("runs", card.accusing_runs))
        ),
    )


def _matrix(title: str, note: str, counts: Mapping[str, Mapping[str, int]]) -> Sheet:
    columns = tuple(next(iter(counts.values()), {}))
    return Sheet(
        title=title,
        note=note,
        headings=("true", *columns),
        rows=tuple((row, *(f"{n:,}" if n else "·" for n in cells.values())) for row, cells in counts.items()),
    )


def _costs(found: Scorecard) -> Sheet:
    return Sheet(
        title="Mechanisms, delays, and what a decision takes",
        note="Mechanisms: hierarchical precision and recall, paths expanded to their ancestors, micro-averaged. Then "
        "median / 90 % / never. Onset: from the true onset to the end of the interval in which the analysis puts it. "
        "Pairs: name-swap pairs at helpers until E was a thousand, where what acts reads a name inside the "
        "connection. Decision: from the first slot in which somebody acts on a target at a vantage to the end of the "
        "first cycle with the true state, by the vantage's clock, with all its bytes.",
        headings=("family", "precision", "recall", "onset", "pairs", "decision, time", "decision, kB"),
        rows=tuple(
            (
                family,
                _number(card.mechanisms.precision, ".2f"),
                _number(card.mechanisms.recall, ".2f"),
                _spread(card.onset_delay_s, seconds),
                _spread(card.pairs, "{:.0f}".format),
                _spread(card.decision_s, seconds),
                _spread(card.decision_bytes, lambda size: f"{size / 1000:,.0f}"),
            )
            for family, card in _cards(found)
        ),
    )


def _runs(found: Scorecard) -> Sheet:
    return Sheet(
        title="Runs",
        note="",
        headings=(
            "scenario",
            "seed",
            "family",
            *(HEADINGS.get(grade, grade.value) for grade in Grade),
            "events found",
            "false",
            "took",
        ),
        rows=tuple(
            (
                one.scenario,
                str(one.seed),
                one.family,
                *(f"{one.count(grade):,}" for grade in Grade),
                f"{sum(event.grade is EventGrade.FOUND for event in one.events)}/{len(one.events)}",
                str(len(one.false_events)),
                seconds(one.wall_seconds) if one.wall_seconds else "kept",
            )
            for one in found.scores
        ),
    )


def _mistakes(found: Scorecard) -> Sheet:
    """Put mistakes together that are alike but for their slot, and false accusations first."""
    alike: dict[tuple[str, ...], list[Graded]] = {}
    for grade in (Grade.FALSE_ACCUSATION, Grade.MISSED):
        for one in found.scores:
            for g in one.graded:
                if g.grade is grade:
                    key = (HEADINGS.get(grade, grade.value), f"{one.scenario}@{one.seed}", g.vantage, g.target)
                    alike.setdefault((*key, g.truth, g.state, ", ".join(g.rules)), []).append(g)
    return Sheet(
        title="False accusations and misses, one by one",
        note="",
        headings=("", "run", "vantage", "target", "slots", "truth", "analysis", "evidence"),
        rows=tuple((*key[:4], ranges(g.slot for g in members), *key[4:]) for key, members in alike.items()),
    )


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers with stretches of successive ones as ``2-4, 7``."""
    stretches: list[list[int]] = []
    for number in sorted(set(numbers)):
        if stretches and number == stretches[-1][1] + 1:
            stretches[-1][1] = number
        else:
            stretches.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in stretches)


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _spread(found: Spread, write: Callable[[float], str]) -> str:
    if not found.reached + found.never:
        return ""
    quantiles = (found.median, found.ninth_decile)
    return " / ".join([*("never" if q is None else write(q) for q in quantiles), str(found.never)])


def seconds(value: float) -> str:
    """Write a time with the unit that reads best."""
    if abs(value) < 120:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if abs(value) < 7200 else f"{value / 3600:.1f} h"


# ---------------------------------------------------------------- the two forms


def facts_of(
    found: Scorecard,
    *,
    scenarios: Sequence[str] | None,
    families: Sequence[str] | None,
    seeds: Sequence[int] | None,
) -> dict[str, str]:
    """Say of a scorecard what was run, when, under which versions, and which command makes it anew."""
    command = ["nameblind lab score", *(Path(name).name for name in scenarios or ())]
    command += [f"--family {family}" for family in families or ()]
    command += [f"--seed {seed}" for seed in seeds or ()]
    scenarios_run = {one.scenario for one in found.scores} | {one.scenario for one in found.failures}
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": f"nameblind {version('nameblind')}, rules {RULESET}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release().partition('-')[0]}",
        "scenarios": f"{len(scenarios_run)}, in {len(found.scores) + len(found.failures)} runs, which took "
        f"{seconds(found.total.wall_s)} one after the other",
        "seeds": ", ".join(map(str, seeds)) if seeds else "each scenario's own",
        "command": f"`{' '.join(command)} --markdown docs/scorecard.md`",
    }


def drawn(sheet: Sheet) -> RenderableType:
    """Draw a sheet on a terminal."""
    table = Table(box=None)
    for number, heading in enumerate(sheet.headings):
        is_count = bool(sheet.rows) and all(re.fullmatch(r"[\d,.]*|·", row[number]) for row in sheet.rows)
        table.add_column(escape(heading), justify="right" if is_count else "left", no_wrap=number == 0)
    for row in sheet.rows:
        table.add_row(*(_coloured(heading, cell) for heading, cell in zip(sheet.headings, row, strict=True)))
    note = [Text(sheet.note, style="dim")] if sheet.note else []
    return Group(Text(sheet.title, style="bold"), *note, table, "")


def _coloured(heading: str, cell: str) -> str:
    if cell == HEADINGS[Grade.FALSE_ACCUSATION] or (heading in {"FALSE", "false"} and cell not in {"0", "·"}):
        return f"[bold red]{cell}[/]"
    return f"[dim]{cell}[/]" if cell in {"0", "·"} else escape(cell)


def as_markdown(found: Scorecard, facts: Mapping[str, str]) -> str:
    """Write the whole page; ``facts`` say what was run, when and how, by heading."""
    parts = [PAGE_OPENING, "\n".join(f"* {name}: {value}" for name, value in facts.items()) + "\n"]
    for sheet in sheets(found):
        parts.append(f"## {sheet.title}\n")
        if sheet.note:
            parts.append(sheet.note + "\n")
        lines = [sheet.headings, tuple("---" for _ in sheet.headings), *sheet.rows]
        parts.append("".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines))
    return "\n".join(parts)


def _cell(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
