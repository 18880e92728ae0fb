"""A box answers for every name with certificates of its own authority."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.acts import Does
from analysis.evaluate.simulate.episode import Family, Generator
from analysis.evaluate.simulate.generators.scopes import block

if TYPE_CHECKING:
    from analysis.evaluate.simulate.stage import Stage


def play(stage: Stage) -> None:
    """Set the episode."""
    start, end = stage.span(3)
    block(
        stage, (*stage.https, *stage.plant.controls), stage.plant.probes, start, end, state="tampered",
        cause="tampering", does=Does.FORGE, mechanism="tls.mitm.ca_signed", accept=("blocked", "suspected", "local"),
        accept_causes=("selective-blocking",),
    )  # fmt: skip


GENERATOR = Generator("interception-of-all", Family.TAMPERING, play, held_out=True)
