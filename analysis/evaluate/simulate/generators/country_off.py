"""All operators drop everything within minutes of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import darken

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    for operator in stage.plant.operators:
        late = stage.dice.uniform(0.0, 300.0)
        darken(
            stage, f"core:{operator}", stage.plant.of(operator=operator), start + late, end, "shutdown", event="order"
        )


GENERATOR = Generator("country-off", Family.SHUTDOWN, play)
