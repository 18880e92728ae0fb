"""A region is darkened by order from place to place, as if plant failed one by one, and lifted in stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import darken

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(4)
    end = min(end, stage.length_s * 0.8)
    region = stage.dice.choice(stage.plant.regions)
    for place in stage.plant.of(region=region):
        begun = start + stage.dice.uniform(0.0, 1.5) * stage.cadence_s
        over = end + stage.dice.uniform(0.0, 2.0) * stage.cadence_s
        darken(stage, place.way[1], (place,), begun, over, "shutdown", event="order", must_be_undetermined=True)


GENERATOR = Generator("feigned-spread", Family.MIMICRY, play)
