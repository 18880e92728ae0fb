"""A fibre to one region is cut, and elsewhere an operator is ordered off."""

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
    region = stage.dice.choice(stage.plant.regions)
    ordered = stage.plant.of(operator=operator)
    darken(stage, f"core:{operator}", ordered, start, end, "shutdown")
    later, over = stage.span(2)
    for place in stage.plant.of(region=region):
        if place not in ordered:
            darken(stage, place.way[3], (place,), later, over, "damage", event="cut")


GENERATOR = Generator("order-beside-cut", Family.MIXTURE, play, held_out=True)
