"""The mains fail in one home: the router dies, the machine goes on by its battery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import cut

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(2)
    place = stage.dice.choice(stage.plant.probes)
    stage.ail(place, "battery", start, end)
    stage.fault(f"home:{place.vantage}", start, end, cut)
    stage.true(
        "local",
        "vantage-local",
        start,
        end,
        vantages=(place,),
        accept=("dark",),
        accept_causes=("dark-undetermined", "insufficient", "damage"),
    )


GENERATOR = Generator("own-mains-lost", Family.LOCAL, play, held_out=True)
