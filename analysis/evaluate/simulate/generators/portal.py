"""A captive portal answers every name with its own address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(2)
    place = stage.dice.choice(stage.plant.probes)
    stage.ail(place, "portal", start, end)
    stage.true("local", "vantage-local", start, end, vantages=(place,), accept_causes=("insufficient",))


GENERATOR = Generator("portal", Family.LOCAL, play)
