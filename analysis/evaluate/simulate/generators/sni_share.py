"""A box meets only a share of the flows that carry the name."""

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
    does, word = stage.dice.choice(((Does.RESET, "reset"), (Does.SILENCE, "timeout")))
    block(
        stage, some(stage.dice, stage.https, 1), operators_struck(stage), start, end,
        does=does, share=stage.dice.uniform(0.4, 0.8), mechanism=f"tls.{word}.sni", accept=("suspected", "ok"),
    )  # fmt: skip


GENERATOR = Generator("sni-share", Family.BLOCKING, play)
