"""A region loses its mains: homes at once, towers and exchanges as their batteries run down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import cut

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    region = stage.dice.choice(stage.plant.regions)
    for place in stage.plant.of(region=region):
        has_battery = place.bearer == "mobile" or stage.dice.random() < 0.5
        stage.ail(place, "battery" if has_battery else "off", start, end)
        lasts = stage.dice.uniform(0.5, 4.0) * 3600.0 if place.bearer == "mobile" else 0.0
        dead = start + lasts
        if dead < end:
            site = next(e for e in place.way if e.startswith("site:"))
            stage.fault(f"home:{place.vantage}" if place.bearer == "fixed" else site, dead, end, cut)
            stage.true(
                "dark", "damage", dead, end, vantages=(place,), accept=("insufficient", "local"),
                accept_causes=("dark-undetermined", "insufficient", "vantage-local"), event="mains",
            )  # fmt: skip


GENERATOR = Generator("mains-lost", Family.DAMAGE, play, held_out=True)
