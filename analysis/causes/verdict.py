"""From a darkness' ledger to its cause: the floors.

`shutdown` accuses, so it asks for all of: two vantages, no sign that power, carrier
or one documented element failed, and either a rule on names that came with the
darkness in just its scope (A) beside one kind of structure (B), or two independent
kinds of structure that sum to 2 against whatever speaks for damage. A alone shows
that somebody reads that name, and not that he put out the lights: a censor may use a
night of damage. `damage` asks for something that an order cannot bring about: the
absence of targeting is no sign of damage. What a mimic can stage (loss beforehand,
staggered onsets, staged recoveries) is never enough, for either. All else is
`dark-undetermined`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from analysis.causes.cause import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analysis.ledger import Entry

NAME_FLOOR = 3.0
"""log10 of what channel A must bring."""

STRUCTURE_FLOOR = 2.0
"""log10 of what two kinds of channel B must bring together."""

KIND_FLOOR = 0.3
"""A kind that says less is not counted as one."""

DAMAGE_FLOOR = -1.0

FEWEST_VANTAGES = 2
"""One vantage in the dark accuses nobody."""

HARD = frozenset({"power.mains", "power.place", "plant.element"})
"""Signs of damage that no order through routers brings about; not a volunteer's gateway alone."""

LINE_BY_LINE = frozenset({"loss.before", "recovery.by_line"})
"""Together they are as good as a hard sign: a line that failed slowly, and lines mended one after the other."""


def sums_by_kind(entries: Iterable[Entry], channel: str) -> Mapping[str, float]:
    """Give the sum of each independent kind of one channel: what stands before the dot."""
    sums: dict[str, float] = defaultdict(float)
    for entry in entries:
        if entry.channel == channel:
            sums[entry.kind.partition(".")[0]] += entry.log10_lr
    return dict(sorted(sums.items()))


def cause_of(entries: Sequence[Entry], vantages: int) -> Cause:
    """Give the cause of a darkness at so many vantages."""
    kinds = sums_by_kind(entries, "B")
    named = max((entry.log10_lr for entry in entries if entry.channel == "A"), default=0.0)
    has_hard_sign = any(entry.kind in HARD and entry.log10_lr < 0 for entry in entries)
    has_fault = has_hard_sign or kinds.get("power", 0.0) < 0
    supporting = {kind: value for kind, value in kinds.items() if value >= KIND_FLOOR}
    balance = sum(kinds.values())
    if vantages >= FEWEST_VANTAGES and not has_fault:
        is_structured = len(supporting) >= 2 and balance >= STRUCTURE_FLOOR
        if is_structured or (named >= NAME_FLOOR and supporting and balance > 0.0):
            return Cause.SHUTDOWN
    is_shown = has_hard_sign or {entry.kind for entry in entries} >= LINE_BY_LINE
    against = sum(value for value in kinds.values() if value < 0)
    if is_shown and against <= DAMAGE_FLOOR and not supporting and named < NAME_FLOOR:
        return Cause.DAMAGE
    return Cause.DARK_UNDETERMINED
