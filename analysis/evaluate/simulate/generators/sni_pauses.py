"""A rule that pauses: 15 to 20 minutes open in every 40 to 60."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import block, operators_struck, some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(4)
    period, rest = stage.dice.uniform(2400.0, 3600.0), stage.dice.uniform(900.0, 1200.0)
    block(
        stage, some(stage.dice, stage.https, 1), operators_struck(stage), start, end,
        does=Does.RESET, is_on=lambda t: t % period > rest, mechanism="tls.reset.sni", accept=("suspected", "ok"),
    )  # fmt: skip


GENERATOR = Generator("sni-pauses", Family.BLOCKING, play)
