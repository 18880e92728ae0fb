"""An operator darkens one region by order, at the router where its fibre ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import darken

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    place = stage.dice.choice(stage.plant.probes)
    element = f"haul:{place.operator}/{place.region}"
    darken(stage, element, stage.plant.behind(element), start, end, "shutdown", must_be_undetermined=True)


GENERATOR = Generator("feigned-cut", Family.MIMICRY, play)
