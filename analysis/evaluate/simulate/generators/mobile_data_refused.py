"""In one region the mobile networks refuse data sessions; phones stay registered and lines work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    regions = [r for r in stage.plant.regions if any(p.bearer == "mobile" for p in stage.plant.of(region=r))]
    region = stage.dice.choice(regions or stage.plant.regions)
    places = [p for p in stage.plant.of(region=region) if p.bearer == "mobile"]
    for place in places:
        stage.ail(place, stage.dice.choice(("refused", "refused-beyond")), start, end)
    stage.true(
        "dark", "shutdown", start, end, vantages=places, accept=("insufficient", "local"),
        accept_causes=("dark-undetermined", "insufficient", "vantage-local"),
    )  # fmt: skip


GENERATOR = Generator("mobile-data-refused", Family.SHUTDOWN, play, held_out=True)
