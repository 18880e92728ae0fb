"""One operator drops everything of its customers, in all regions at once; cables and masts are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import darken

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    operator = stage.dice.choice(stage.plant.operators)
    darken(stage, f"core:{operator}", stage.plant.of(operator=operator), start, end, "shutdown")


GENERATOR = Generator("operator-off", Family.SHUTDOWN, play)
