"""Always undetermined: accuses nobody, ever. What silence costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.evaluate.observed import Observed, Seat


def accuse(observed: Observed) -> set[Seat]:
    """Accuse nobody."""
    del observed
    return set()
