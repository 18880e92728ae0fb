"""A target answers everybody with an error of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    site = stage.dice.choice(stage.https)
    stage.errs[site.host] = (stage.dice.choice((500, 502, 503)), start, end)
    stage.true(
        "down", "target-down", start, end, vantages=stage.plant.vantages, targets=(site,),
        accept_causes=("insufficient",),
    )  # fmt: skip


GENERATOR = Generator("server-errs", Family.TARGET, play, held_out=True)
