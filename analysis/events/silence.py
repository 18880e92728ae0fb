"""From silences to darkness: vantages that fell silent together are dark, where the fault cannot be our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.causes.happening import Outage
from analysis.collapse import collapses
from analysis.heartbeat import silences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.causes.happening import Known
    from analysis.collapse import Collapse
    from analysis.grid import Grid
    from analysis.heartbeat import Silence


def silent_outages(grid: Grid, known: Known, dark: Sequence[Outage]) -> tuple[list[Outage], list[Outage]]:
    """Give the outages of vantages that are silent together: those of the network, and those that may be ours.

    What a vantage recorded in the dark and brought later stands for itself. A collapse says who was silent in its
    first slot; where a silence says the same, the silence is taken, which knows each vantage's own time.
    """
    theirs: list[Outage] = []
    ours: list[Outage] = []
    found: list[Silence | Collapse] = [*silences(grid), *collapses(grid)]
    for silence in found:
        for vantage_id in silence.vantages:
            outage = _outage(vantage_id, silence, known)
            if not any(_is_told_by(outage, other) for other in (*dark, *theirs, *ours)):
                (theirs if silence.is_ours_excluded else ours).append(outage)
    return theirs, ours


def _outage(vantage_id: str, silence: Silence | Collapse, known: Known) -> Outage:
    first, end = silence.onset[1], silence.end
    return Outage(
        vantage=known.vantages[vantage_id],
        onset_after=silence.onset[0],
        onset_before=first,
        end_after=end[0] if end else first,
        end_before=end[1] if end else None,
        silence=silence,
    )


def _is_told_by(outage: Outage, other: Outage) -> bool:
    """Tell whether what is known of a vantage at that time is told already."""
    if outage.vantage_id != other.vantage_id:
        return False
    return other.onset_before < outage.lasts_until and outage.onset_before < other.lasts_until
