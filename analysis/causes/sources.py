"""The sources of evidence on a darkness: one list, one signature. What is not known gives no entry.

Adding a source is adding a small file and one line here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.causes import clock, harbingers, onset, power, recorder, recovery, residual, silence, structure

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.causes.happening import Happening, Known
    from analysis.ledger import Entry

SOURCES: tuple[Callable[[Happening, Known], tuple[Entry, ...]], ...] = (
    residual.entries,
    recorder.entries,
    power.entries,
    harbingers.entries,
    onset.entries,
    recovery.entries,
    structure.entries,
    silence.entries,
    clock.entries,
)


def entries_of(happening: Happening, known: Known) -> tuple[Entry, ...]:
    """Give all that the sources say of a darkness."""
    return tuple(entry for source in SOURCES for entry in source(happening, known))
