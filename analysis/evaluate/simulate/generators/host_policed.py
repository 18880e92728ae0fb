"""A box polices plain transfers for the host, harder than those seen before."""

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
    sites = some(stage.dice, stage.plain or stage.https)
    layer, path = ("host", "http.throttle.host") if sites[0].is_plain else ("sni", "tls.throttle.sni")
    block(
        stage, sites, operators_struck(stage), start, end, state="throttled", cause="throttling", layer=layer,
        does=Does.SLOW, rate_bytes_s=stage.dice.uniform(6_000, 24_000), mechanism=path, accept=("suspected", "ok"),
    )  # fmt: skip


GENERATOR = Generator("host-policed", Family.THROTTLING, play, held_out=True)
