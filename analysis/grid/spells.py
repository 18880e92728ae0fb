"""The silences of one vantage: rounds in a row from which nothing was heard though they were due.

A vantage that said why it did not measure was heard. Its last silence counts from
the slots that are overdue by its own habit of delivering.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.grid.rounds import Line

HABIT = 0.9
"""A slot is overdue when this share of a vantage's slots had arrived after as long a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One silence of one vantage."""

    vantage_id: str
    heard_before: datetime
    first: datetime
    last: datetime
    heard_after: datetime | None
    """``None`` while it lasts."""
    software_version: str
    """What it last ran before; empty where no cycle says."""


def spells_of(line: Line, end: datetime) -> list[Spell]:
    """Give a vantage's silences, in order of time; ``end``: of the grid."""
    spells: list[Spell] = []
    before: datetime | None = None
    version = ""
    silent: list[datetime] = []
    overdue = overdue_at(line, end)
    for one in line.rounds:
        if one.is_heard:
            if silent and before is not None:
                spells.append(_spell(line, before, silent, one.slot_at, version))
            before, silent = one.slot_at, []
            version = one.ran.software_version if one.ran is not None else version
        elif one.slot_at <= overdue:
            silent.append(one.slot_at)
    if silent and before is not None:
        spells.append(_spell(line, before, silent, None, version))
    return spells


def _spell(line: Line, before: datetime, silent: list[datetime], after: datetime | None, version: str) -> Spell:
    return Spell(
        vantage_id=line.vantage.vantage_id,
        heard_before=before,
        first=silent[0],
        last=silent[-1],
        heard_after=after,
        software_version=version,
    )


def overdue_at(line: Line, end: datetime) -> datetime:
    """Give the last moment whose silence is more than lateness.

    What it delivered last came without the slots before. Beyond that, the slot after has come, and as much time has
    passed as this vantage is wont to take.
    """
    heard = [one for one in line.rounds if one.is_heard]
    arrivals = [one.received_at for one in heard if one.received_at is not None]
    late = sorted(one.late_s for one in heard if one.late_s is not None)
    cadence = line.cadence or timedelta()
    habit = timedelta(seconds=late[math.ceil(HABIT * len(late)) - 1]) if late else timedelta()
    delivered = max(arrivals) - cadence if arrivals else datetime.min.replace(tzinfo=UTC)
    return max(delivered, end - max(cadence, habit))
