"""A box polices transfers under the name."""

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
    block(
        stage, some(stage.dice, stage.https), operators_struck(stage), start, end, state="throttled",
        cause="throttling", does=Does.SLOW, rate_bytes_s=stage.dice.uniform(12_000, 20_000),
        mechanism="tls.throttle.sni", accept=("suspected", "ok"),
    )  # fmt: skip


GENERATOR = Generator("sni-policed", Family.THROTTLING, play)
