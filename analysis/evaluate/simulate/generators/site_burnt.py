"""A tower or an exchange building burns and stays dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import FOREVER
from analysis.evaluate.simulate.generators.scopes import darken

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, _ = stage.span(2)
    place = stage.dice.choice(stage.plant.probes)
    element = next(e for e in place.way if e.startswith("site:"))
    darken(stage, element, stage.plant.behind(element), start, FOREVER, "damage")


GENERATOR = Generator("site-burnt", Family.DAMAGE, play)
