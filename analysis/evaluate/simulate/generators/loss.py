"""A line or a fibre loses a large share of packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import loss
from analysis.evaluate.simulate.generators.scopes import poorly

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    place = stage.dice.choice(stage.plant.probes)
    element = stage.dice.choice(place.way[1:])
    stage.fault(element, start, end, loss(stage.dice.uniform(0.15, 0.8)))
    poorly(stage, stage.plant.behind(element), start, end)


GENERATOR = Generator("loss", Family.DAMAGE, play)
