"""A radio link loses everything for seconds at a time."""

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
    element = stage.dice.choice(place.way[1:])
    turn, share = stage.dice.uniform(1.0, 60.0), stage.dice.uniform(0.2, 0.8)
    stage.fault(element, start, end, bursts(stage.dice.random(), turn, share, stage.dice.uniform(0.0, 0.2)))
    poorly(stage, stage.plant.behind(element), start, end)


GENERATOR = Generator("bursts", Family.DAMAGE, play)
