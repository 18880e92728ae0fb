"""Names are blocked first, then everything, and the names stay blocked when the rest is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.faults import FOREVER
from analysis.evaluate.simulate.generators.scopes import block, darken, some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3, max(4, stage.slots // 2))
    sites = some(stage.dice, stage.https)
    before = max(start - 2 * stage.cadence_s, 0.0)
    block(
        stage,
        sites,
        stage.plant.probes,
        before,
        FOREVER,
        does=Does.RESET,
        mechanism="tls.reset.sni",
        accept=("suspected", "dark"),
    )
    for operator in stage.plant.operators:
        darken(stage, f"core:{operator}", stage.plant.of(operator=operator), start, end, "shutdown", event="order")


GENERATOR = Generator("off-after-blocks", Family.SHUTDOWN, play)
