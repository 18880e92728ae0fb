"""Every mobile network is off by order, in the whole country; lines go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import darken

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    pace = stage.dice.uniform(0.0, 600.0)
    mobile = tuple(place for place in stage.plant.probes if place.bearer == "mobile")
    for turn, operator in enumerate(sorted({place.operator for place in mobile})):
        theirs = tuple(place for place in mobile if place.operator == operator)
        for element in sorted({place.way[2] for place in theirs}):
            behind = tuple(place for place in theirs if element in place.way)
            darken(stage, element, behind, start + turn * pace, end, "shutdown", event="order")


GENERATOR = Generator("mobile-off", Family.SHUTDOWN, play)
