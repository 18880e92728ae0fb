"""One member of a bundle of links is dead: the flows that hash to it die."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import member_dead
from analysis.evaluate.simulate.generators.scopes import poorly

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    place = stage.dice.choice(stage.plant.probes)
    element = stage.dice.choice((*place.way[3:], place.gateway))
    stage.fault(element, start, end, member_dead(stage.dice.choice((2, 3, 4, 8))))
    poorly(stage, stage.plant.behind(element) or stage.plant.probes, start, end)


GENERATOR = Generator("member-dead", Family.DAMAGE, play)
