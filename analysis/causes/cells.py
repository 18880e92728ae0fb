"""What topology and targeting are asked to explain, and what came of it.

Here are the shapes alone: a :class:`Cell` goes in, a :class:`Contrast` comes out of
:func:`analysis.causes.contrast.contrast`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.facts import VantageFacts


@dataclass(frozen=True, slots=True)
class Cell:
    """What one vantage saw of one target within the window that is asked about."""

    vantage: VantageFacts
    target: str
    service: str
    address_blocks: tuple[str, ...]
    """The /24 or /48 networks that the target's addresses stand in, as this vantage dialled them; none if unknown."""
    failed: int
    """Of its measurements, those that failed: dark ones, or ones that its name may explain."""
    measured: int
    is_dark: bool
    """Nothing reached out from there, whatever its name. Where any cell is dark, the darkness is what is asked about,
    and what failed without being dark is left out."""
    is_home: bool = False
    """The target stands in the vantage's own country: nothing of the way abroad can fail it."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """How well orders and faults explain the same cells."""

    log10_bf: float
    """log10 of the Bayes factor of targeting (with or without faults beside it) against faults alone, bounded; above
    zero for targeting, and zero where the cells cannot tell."""
    damage: tuple[str, ...]
    """The elements whose fall explains the cells best; "A or B" where either alone would."""
    damage_elements: tuple[tuple[str, ...], ...]
    """Of each of them the names of the elements, any one of which would explain as much."""
    damage_posterior: float
    """Of these elements, among all sets of them, if nobody targets anything."""
    targeting: tuple[str, ...]
    """The rules that explain the cells best; none where nothing is to be told apart."""
    both: tuple[str, ...]
    """The elements that fell beside the best rules, where rules alone explain less."""
    unexplained: tuple[tuple[str, str], ...]
    """(vantage, target) of cells that the best set of elements leaves unexplained."""
    cells: int
    """Counted."""
    is_documented: bool
    """Whether all that the dark vantages hang on is documented, their independence too."""
    text: str
    """Both hypotheses in one sentence each, and what would change the conclusion."""
