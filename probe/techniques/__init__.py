"""Closer looks at one target: each a small file with one signature, in the order in which an anomaly climbs them.

Adding a technique is adding a file with a :class:`~probe.techniques.technique.Technique`
and one line here. Its name is a contract: it stands in schedules and in the
``technique`` column of every row that it brought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from probe.techniques import controls, name_pairs, retry

if TYPE_CHECKING:
    from probe.techniques.technique import Technique

LADDER: Final[tuple[Technique, ...]] = (
    retry.RETRY,
    controls.CONTROLS,
    name_pairs.PAIRS,
)
"""Cheap and decisive first; a schedule may leave rungs out, or order them otherwise."""

BY_NAME: Final = {technique.name: technique for technique in LADDER}
