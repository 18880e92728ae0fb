"""A box ends connections whose ClientHello carries the name, as if the server had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import block, operators_struck, some

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    block(
        stage, some(stage.dice, stage.https), operators_struck(stage), start, end,
        does=Does.EOF, mechanism="tls.eof.sni",
    )  # fmt: skip


GENERATOR = Generator("sni-eof", Family.BLOCKING, play, held_out=True)
