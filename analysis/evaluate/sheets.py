"""The scorecard as tables: for a terminal, and as Markdown for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from analysis.evaluate.bars import bars_of
from analysis.evaluate.intervals import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.evaluate.calibration import Calibration
    from analysis.evaluate.kept import Kept
    from analysis.evaluate.scorecard import CauseFigures, Scorecard

NOTHING = "-"
_MET = {True: "met", False: "NOT MET", None: "not tested"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sheets(card: Scorecard, kept: Kept | None = None) -> Iterator[Sheet]:
    """Give every table of a scorecard."""
    yield Sheet(
        "The bars",
        ("bar", "wanted", "measured", ""),
        tuple((bar.name, bar.wanted, bar.measured, _MET[bar.is_met]) for bar in bars_of(card)),
    )
    yield Sheet(
        "On the same data: does somebody act on this target, seen from here?",
        (
            "method",
            "false, of 1,000 episodes of damage",
            "recall, names",
            "recall, ordered darkness",
            "F1, names",
            "F1, both",
            "alerts an event",
            "delay, median",
        ),
        tuple(
            (
                name,
                shown(figures.false_per_1000, ".1f"),
                shown(figures.recall_names),
                shown(figures.recall_dark),
                shown(figures.f1_names),
                shown(figures.f1),
                shown(figures.alerts_per_event, ".1f"),
                _minutes(figures.delay_s),
            )
            for name, figures in card.methods.items()
        ),
    )
    yield _causes("Causes of events, all mechanisms", card.causes)
    yield _causes("Causes of events, held-out mechanisms", card.held_out_causes)
    yield Sheet(
        "Probabilities",
        ("question", "episodes", "claims", "Brier", "ECE", "decided at 1 % error or less"),
        tuple(
            (question, name, *_calibration(one))
            for question, both in card.calibration.items()
            for name, one in zip(("other halves of known mechanisms", "held-out mechanisms"), both, strict=True)
        ),
    )
    yield Sheet("Other figures", ("figure", "value"), tuple(_others(card)))
    if kept is not None:
        yield Sheet(
            "Kept runs of the lab, as they were judged when they were kept",
            ("figure", "value"),
            (
                ("runs", str(kept.runs)),
                ("measurements of targets", str(kept.measurements)),
                ("false accusations", str(kept.false_states)),
                ("false events", str(kept.false_events)),
                *((f"events {grade}", str(count)) for grade, count in kept.events.items()),
            ),
        )


def _causes(title: str, causes: dict[str, CauseFigures]) -> Sheet:
    return Sheet(
        title,
        ("cause", "events", "undetermined", "missed", "precision", "recall", "recall, undetermined a miss", "F1"),
        tuple(
            (
                cause,
                str(one.events),
                str(one.undetermined),
                str(one.missed),
                shown(one.precision),
                shown(one.recall),
                shown(one.recall_of_all),
                shown(one.f1),
            )
            for cause, one in causes.items()
        ),
    )


def _calibration(one: Calibration) -> tuple[str, ...]:
    return str(one.claims), _number(one.brier), _number(one.ece), _number(one.decided_share)


def _others(card: Scorecard) -> Iterator[tuple[str, str]]:
    yield "episodes", f"{card.episodes}, {card.damage_episodes} of them damage"
    yield "measurements on which nobody acted", str(card.measurements)
    yield "false accusations, of 1,000 episodes of damage", shown(card.false_per_1000, ".2f")
    yield "other episodes with a false accusation", str(len(card.false_others))
    yield "macro-F1 of causes", shown(card.macro_f1)
    yield "macro-F1 of causes, undetermined a miss", shown(card.macro_f1_of_all)
    yield "macro-F1 of causes, held out", shown(card.held_out_macro_f1)
    yield "macro-F1 of causes, held out, undetermined a miss", shown(card.held_out_macro_f1_of_all)
    yield "ECE, held out", shown(card.held_out_ece)
    yield "Brier, held out", shown(card.held_out_brier)
    yield "precision of mechanisms, along their paths", shown(card.mechanism_precision)
    yield "recall of mechanisms, along their paths", shown(card.mechanism_recall)
    yield "delay of an event's onset, median", _minutes(card.onset_delay_s)
    yield "pairs until E is a thousand, median", shown(card.pairs, ".0f")
    yield "series with a rule on a name in which it is", shown(card.pairs_decided)
    yield "events of the analysis for a true one", shown(card.alerts_per_event)
    yield "mimicry, told as", ", ".join(f"{name} {count}" for name, count in card.mimicry_named.items()) or NOTHING


def shown(figure: Figure, form: str = ".3f") -> str:
    """Write a figure with its interval."""
    if figure.value is None:
        return NOTHING
    if figure.low is None or figure.high is None:
        return format(figure.value, form)
    return f"{figure.value:{form}} ({figure.low:{form}} to {figure.high:{form}})"


def _minutes(figure: Figure) -> str:
    values = [None if v is None else v / 60.0 for v in (figure.value, figure.low, figure.high)]
    text = shown(Figure(value=values[0], low=values[1], high=values[2]), ".0f")
    return text if text == NOTHING else f"{text} min"


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def for_terminal(card: Scorecard, kept: Kept | None) -> Group:
    """Give the tables for a terminal."""
    tables: list[Table | Text] = []
    for sheet in sheets(card, kept):
        table = Table(title=sheet.title, title_justify="left")
        for heading in sheet.headings:
            table.add_column(heading, overflow="fold")
        for row in sheet.rows:
            table.add_row(*(Text(cell, style="bold red" if cell == _MET[False] else "") for cell in row))
        tables += [table, Text()]
    tables += [Text(f"FALSE: {sentence}", style="bold red") for sentence in (*card.false_damage, *card.false_others)]
    tables.append(Text(f"Rule set {card.ruleset}."))
    return Group(*tables)


def as_markdown(card: Scorecard, kept: Kept | None) -> str:
    """Give the tables for a page."""
    parts = [f"Rule set `{card.ruleset}`. 95 % intervals in brackets."]
    for sheet in sheets(card, kept):
        lines = ["| " + " | ".join(sheet.headings) + " |", "|" + "---|" * len(sheet.headings)]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in sheet.rows]
        parts.append(f"### {sheet.title}\n\n" + "\n".join(lines))
    accused = [*card.false_damage, *card.false_others]
    if accused:
        parts.append("### Episodes with a false accusation\n\n" + "\n".join(f"- `{sentence}`" for sentence in accused))
    return "\n\n".join(parts) + "\n"
