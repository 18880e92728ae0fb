"""A route comes and goes by the minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import bursts
from analysis.evaluate.simulate.generators.scopes import poorly

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    place = stage.dice.choice(stage.plant.probes)
    element = stage.dice.choice((*place.way[2:], place.gateway))
    stage.fault(element, start, end, bursts(stage.dice.random(), stage.dice.uniform(60.0, 900.0), 0.5))
    poorly(stage, stage.plant.behind(element) or stage.plant.probes, start, end)


GENERATOR = Generator("flapping", Family.DAMAGE, play)
