"""From cells to votes: how much each vantage's failures and successes count.

Cells of one vantage repeat one fault, over targets and over cycles, so they are no
independent evidence. A vantage votes once for what failed and once for what lived,
whatever the number of targets and measurements that was: twenty dark targets of a dark
line are one dark line.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.causes.cells import Cell
    from analysis.facts import VantageFacts

HALF: Final = 0.5
"""Of a vote: from here on a vantage counts as one that failed, or one that lived."""

ROUNDING: Final = 1e-9
"""Sums of shares are no exact halves."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one vantage says of one target; of all targets at home or all abroad, where nothing depends on names."""

    vantage: VantageFacts
    is_home: bool
    failed: float
    lived: float
    target: str = ""
    service: str = ""
    address_blocks: tuple[str, ...] = ()


def votes_of(cells: Sequence[Cell]) -> tuple[Vote, ...]:
    """Give the votes, in an order that does not depend on the cells'."""
    asks_names = not any(cell.is_dark for cell in cells)
    mass: dict[tuple[str, str, bool], list[float]] = defaultdict(lambda: [0.0, 0.0])
    an: dict[tuple[str, str, bool], Cell] = {}
    for cell in sorted(cells, key=lambda cell: (cell.vantage.vantage_id, cell.target, cell.is_home)):
        if cell.measured < 1:
            continue
        key = (cell.vantage.vantage_id, cell.target if asks_names else "", cell.is_home)
        share = cell.failed / cell.measured
        an[key] = cell
        mass[key][0] += share if cell.is_dark or asks_names else 0.0
        mass[key][1] += 1.0 - share
    total: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (vantage_id, _, _), (failed, lived) in mass.items():
        total[vantage_id][0] += failed
        total[vantage_id][1] += lived
    return tuple(
        Vote(
            vantage=cell.vantage,
            is_home=cell.is_home,
            failed=mass[key][0] / max(1.0, total[key[0]][0]),
            lived=mass[key][1] / max(1.0, total[key[0]][1]),
            target=cell.target if asks_names else "",
            service=cell.service if asks_names else "",
            address_blocks=tuple(sorted(set(cell.address_blocks))) if asks_names else (),
        )
        for key, cell in an.items()
    )


def failing(votes: Sequence[Vote]) -> tuple[VantageFacts, ...]:
    """Give the vantages that failed, for half a vote at least."""
    return _for_half_a_vote(votes, [vote.failed for vote in votes])


def living(votes: Sequence[Vote]) -> tuple[VantageFacts, ...]:
    """Give the vantages that lived, for half a vote at least."""
    return _for_half_a_vote(votes, [vote.lived for vote in votes])


def _for_half_a_vote(votes: Sequence[Vote], counted: Sequence[float]) -> tuple[VantageFacts, ...]:
    total: dict[VantageFacts, float] = defaultdict(float)
    for vote, share in zip(votes, counted, strict=True):
        total[vote.vantage] += share
    return tuple(vantage for vantage, share in total.items() if share > HALF - ROUNDING)


def can_contrast(votes: Sequence[Vote]) -> bool:
    """Tell whether there is anything to tell apart: two vantages within reach of a rule, a failed and a living one.

    One vantage alone may have any fault of its own; where everything is dark, nothing shows what spares.
    """
    within = [vote for vote in votes if not vote.vantage.is_sentinel]
    return len({vote.vantage.vantage_id for vote in within}) > 1 and bool(failing(within)) and bool(living(within))
