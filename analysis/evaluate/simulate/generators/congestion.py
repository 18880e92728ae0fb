"""A fibre is full: everything through it is slow and loses packets, whatever its name."""

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
    element = stage.dice.choice((*place.way[2:], place.gateway))
    stage.fault(element, start, end, loss(stage.dice.uniform(0.02, 0.3)), slowness=stage.dice.uniform(10.0, 60.0))
    poorly(stage, stage.plant.behind(element) or stage.plant.probes, start, end)


GENERATOR = Generator("congestion", Family.DAMAGE, play, held_out=True)
