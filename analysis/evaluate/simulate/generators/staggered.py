"""The operators obey one after the other, over twenty minutes to hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import darken

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(4)
    pace = stage.dice.uniform(300.0, 5400.0)
    for turn, operator in enumerate(stage.dice.sample(stage.plant.operators, len(stage.plant.operators))):
        begun = start + turn * pace
        if begun < min(end, stage.length_s):
            darken(stage, f"core:{operator}", stage.plant.of(operator=operator), begun, end, "shutdown", event="order")


GENERATOR = Generator("staggered", Family.SHUTDOWN, play)
