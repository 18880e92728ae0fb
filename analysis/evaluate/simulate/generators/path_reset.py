"""A box reads the path of plain requests and resets those for one video."""

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
    films = [site for site in stage.plain if site.path != "/"]
    places = operators_struck(stage)
    if films:
        piece = films[0].path.rpartition("=")[2]
        block(
            stage, films, places, start, end, names=(piece,), layer="path", does=Does.RESET,
            mechanism="http.reset.path",
        )  # fmt: skip
    else:
        block(
            stage, some(stage.dice, stage.https), places, start, end, does=Does.ALERT, mechanism="tls.alert.sni"
        )  # fmt: skip


GENERATOR = Generator("path-reset", Family.BLOCKING, play, held_out=True)
