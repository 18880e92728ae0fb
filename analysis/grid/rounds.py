"""The rounds of each vantage: the slots that it spoke of, and those in which its timetable wanted a word.

A timetable is read from the slots themselves. Where one gap is at least half of
all gaps between a vantage's slots, that gap is its cadence, and every hole in it
is a round from which nothing was heard: also after its last word, up to the last
slot of anybody. Slots without such a rhythm (cycles made by hand, or at chosen
moments) demand nothing, but for those in which at least two others of that kind
were heard.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from analysis.flight import AUTHENTIC, TOLERATED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from analysis.facts import CycleFacts, MissedFacts, VantageFacts

HEARD_ELSEWHERE = 2
"""Others without a rhythm that were heard in a slot before it is one for all of them: one may measure by hand."""

MOST_SILENT = timedelta(days=60)
"""A vantage that says nothing for longer has left, and no more slots are asked of it until it speaks again. Uploads
were still taken after 45 days; and without an end, whoever left would fill the table."""

_MINUTE = timedelta(minutes=1)

P = TypeVar("P", "Pass", "MissedFacts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One cycle, as the grid sees it."""

    vantage: VantageFacts
    slot_at: datetime
    received_at: datetime | None = None
    outcome: str | None = None
    plan: str = ""
    """What it was to measure: the hash of its schedule."""
    software_version: str = ""
    found: Mapping[str, str]
    """The state of each target and control that it measured; of several measurements, one that is not ``ok``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One slot of one vantage."""

    slot_at: datetime
    ran: Pass | None = None
    missed: str = ""
    """Why the vantage says that it did not measure."""
    received_at: datetime | None = None

    @property
    def is_heard(self) -> bool:
        """Whether the vantage said anything of this slot, be it that it slept."""
        return self.ran is not None or bool(self.missed)

    @property
    def late_s(self) -> int | None:
        """From the slot to the arrival of what was said of it."""
        return None if self.received_at is None else round((self.received_at - self.slot_at).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The rounds of one vantage, in order of time, from its first word on."""

    vantage: VantageFacts
    cadence: timedelta | None
    """``None`` where its slots have no rhythm."""
    rounds: tuple[Round, ...]


def passes_of(cycles: Iterable[CycleFacts], states: Mapping[str, str], kinds: frozenset[str]) -> list[Pass]:
    """Give the passes of cycles; ``states``: the state of each measurement; ``kinds``: of targets that have cells."""
    return [
        Pass(
            vantage=cycle.vantage,
            slot_at=slot_of_cycle(cycle),
            received_at=cycle.received_at,
            outcome=cycle.outcome,
            plan=cycle.schedule_sha256,
            software_version=cycle.software_version,
            found=_found(cycle, states, kinds),
        )
        for cycle in cycles
    ]


def slot_of_cycle(cycle: CycleFacts) -> datetime:
    """Give the slot that a cycle served. A clock that was wrong named a wrong slot: it is put right as the start is."""
    if cycle.slot_at is None:
        return cycle.started_at
    itself = cycle.itself
    if itself is None or itself.clock_offset_source != AUTHENTIC or itself.clock_offset_s is None:
        return cycle.slot_at
    error = timedelta(seconds=itself.clock_offset_s)
    if abs(error) <= TOLERATED:
        return cycle.slot_at
    right = cycle.slot_at - error + _MINUTE / 2  # the offset is good to about a second, and slots stand on minutes
    return right.replace(second=0, microsecond=0)


def _found(cycle: CycleFacts, states: Mapping[str, str], kinds: frozenset[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for measurement in cycle.measurements:
        if measurement.kind in kinds and found.get(measurement.target, "ok") == "ok":
            found[measurement.target] = states.get(measurement.measurement_id, "insufficient")
    return found


def lines_of(passes: Iterable[Pass], missed: Iterable[MissedFacts], as_of: datetime | None = None) -> dict[str, Line]:
    """Give the rounds of every vantage that was ever heard.

    ``as_of``: what was known at that moment, by arrival; without it, all that is known. What claims a slot later
    than its own arrival was written by a wrong clock, and has no place here.
    """
    known: dict[str, dict[datetime, Round]] = defaultdict(dict)
    vantages: dict[str, VantageFacts] = {}
    for one in _placeable(passes, as_of):
        vantages[one.vantage.vantage_id] = one.vantage
        _place(known[one.vantage.vantage_id], one)
    for row in _placeable(missed, as_of):
        vantages[row.vantage.vantage_id] = row.vantage
        rounds = known[row.vantage.vantage_id]
        if row.slot_at not in rounds:
            rounds[row.slot_at] = Round(slot_at=row.slot_at, missed=row.reason, received_at=row.received_at)
    slots = {vantage_id: sorted(rounds) for vantage_id, rounds in known.items()}
    end = as_of or max((own[-1] for own in slots.values()), default=None)
    cadences = {vantage_id: cadence_of(own) for vantage_id, own in slots.items()}
    shared = Counter(at for vantage_id, own in slots.items() if cadences[vantage_id] is None for at in own)
    lines: dict[str, Line] = {}
    for vantage_id in sorted(known):
        rounds, own, cadence = known[vantage_id], slots[vantage_id], cadences[vantage_id]
        assert end is not None  # a vantage that is known has a slot
        wanted = _holes(own, cadence, end) if cadence else _where_others_were_heard(own, shared, end)
        for at in wanted:
            rounds.setdefault(at, Round(slot_at=at))
        lines[vantage_id] = Line(
            vantage=vantages[vantage_id], cadence=cadence, rounds=tuple(rounds[at] for at in sorted(rounds))
        )
    return lines


def _placeable(rows: Iterable[P], as_of: datetime | None) -> list[P]:
    """Give the rows that were known at a moment, without those whose slot had not come when they arrived.

    Where that is said of every row, it is the database's own clock that was wrong, and they stay.
    """
    known = [row for row in rows if as_of is None or _arrival(row) <= as_of]
    possible = [row for row in known if row.slot_at <= _arrival(row) + TOLERATED]
    return possible or known


def _arrival(row: Pass | MissedFacts) -> datetime:
    return row.received_at or row.slot_at


def _place(rounds: dict[datetime, Round], one: Pass) -> None:
    """Put a pass in its slot. Of two in one slot, after a restart, each target keeps what is not ``ok``."""
    before = rounds.get(one.slot_at)
    if before is not None and before.ran is not None:
        other = before.ran
        found = dict(other.found)
        for target, state in one.found.items():
            if found.get(target, "ok") == "ok":
                found[target] = state
        is_complete = "complete" in {one.outcome, other.outcome}
        one = Pass(
            vantage=one.vantage,
            slot_at=one.slot_at,
            received_at=max(filter(None, (one.received_at, other.received_at)), default=None),
            outcome="complete" if is_complete else one.outcome,
            plan=one.plan,
            software_version=one.software_version,
            found=found,
        )
    rounds[one.slot_at] = Round(slot_at=one.slot_at, ran=one, received_at=one.received_at)


def cadence_of(slots: Sequence[datetime]) -> timedelta | None:
    """Give the gap between slots that at least half of all gaps are, the shortest of several; else ``None``."""
    gaps = Counter(after - before for before, after in pairwise(slots))
    if gaps.total() < 2:
        return None
    commonest = min(gaps, key=lambda gap: (-gaps[gap], gap))
    return commonest if 2 * gaps[commonest] >= gaps.total() else None


def _holes(own: Sequence[datetime], cadence: timedelta, end: datetime) -> Iterable[datetime]:
    """Give the slots that the cadence wants between a vantage's own, and after the last of them up to ``end``."""
    for before, after in pairwise(own):
        yield from _every(cadence, before, min(after - cadence / 2, before + MOST_SILENT))
    yield from _every(cadence, own[-1], min(end, own[-1] + MOST_SILENT) + timedelta.resolution)


def _every(cadence: timedelta, after: datetime, before: datetime) -> Iterable[datetime]:
    at = after + cadence
    while at < before:
        yield at
        at += cadence


def _where_others_were_heard(own: Sequence[datetime], shared: Counter[datetime], end: datetime) -> Iterable[datetime]:
    mine = set(own)
    last = min(end, own[-1] + MOST_SILENT)
    return (at for at, heard in shared.items() if heard >= HEARD_ELSEWHERE and own[0] < at <= last and at not in mine)
