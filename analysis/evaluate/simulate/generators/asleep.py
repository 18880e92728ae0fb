"""The machine sleeps; slots are missed and nothing fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(2)
    place = stage.dice.choice(stage.plant.probes)
    stage.ail(place, "asleep", start, end)


GENERATOR = Generator("asleep", Family.LOCAL, play)
