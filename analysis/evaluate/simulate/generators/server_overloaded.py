"""A target answers now and then, for everybody alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import loss

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    site = stage.dice.choice(stage.plant.sites)
    share = stage.dice.uniform(0.6, 0.95)
    for address in site.addresses:
        stage.fault("server:" + address, start, end, loss(share))
    sites = [s for s in stage.plant.sites if set(s.addresses) & set(site.addresses)]
    stage.true(
        "down", "target-down", start, end, vantages=stage.plant.vantages, targets=sites,
        accept=("ok", "insufficient"), accept_causes=("insufficient",),
    )  # fmt: skip


GENERATOR = Generator("server-overloaded", Family.TARGET, play)
