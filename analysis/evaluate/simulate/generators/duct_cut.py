"""A duct is cut in which several operators lie: those of a region go at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import darken

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(2)
    shared = [region for region in stage.plant.regions if stage.plant.behind(f"duct:{region}")]
    core = f"core:{stage.dice.choice(stage.plant.operators)}"
    element = f"duct:{stage.dice.choice(shared)}" if shared else core
    darken(stage, element, stage.plant.behind(element), start, end, "damage")


GENERATOR = Generator("duct-cut", Family.DAMAGE, play)
