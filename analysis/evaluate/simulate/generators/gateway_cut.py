"""The cable abroad is cut; what is at home goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import darken

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(2)
    gateway = stage.dice.choice(stage.plant.gateways)
    places = [p for p in stage.plant.probes if p.gateway == gateway]
    if places:
        darken(stage, gateway, places, start, end, "damage")


GENERATOR = Generator("gateway-cut", Family.DAMAGE, play)
