"""Reads what vantages recorded of themselves: looks at their links, self-checks, and clocks that were wrong.

A wrong clock dates everything wrong, and a target would be held against a
sentinel's measurement of another hour. Where the clock's error is known, from
servers that a certificate stands for, times are put right here, before any rule
reads them; what is stored stays as it was written.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from analysis.facts import LinkFacts, SelfFacts
from probe.store import models

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from analysis.facts import CycleFacts

AROUND = timedelta(minutes=30)
"""Looks so long before and after a cycle are read with it."""

TOLERATED = timedelta(seconds=60)
"""An error of a clock below this changes no comparison."""

LATEST_START = timedelta(days=1)
"""A cycle starts after its slot by its jitter, and by the cycle before if that ran over: never by so much."""

AUTHENTIC = "http-date"

_LOOK_COLUMNS = (
    "sampled_at", "is_interface_up", "has_default_route", "is_gateway_answering", "last_hop_answering",
    "has_ipv6_route", "is_gateway_neighbour", "is_resolver_answering", "power", "hash_key", "boot_hash",
    "modem_registration", "modem_failure", "since_last_s", "suspended_s", "clock_step_s",
)  # fmt: skip
_SELF_COLUMNS = (
    "way_out", "has_other_line", "has_proxy_settings", "clock_offset_s", "clock_offset_source", "resolver_kind",
    "resolver_network", "network",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flights:
    """The looks of every vantage, in order of time, and those of each cycle."""

    _looks: dict[str, list[LinkFacts]]
    _times: dict[str, list[datetime]]
    of_cycle: dict[str, tuple[LinkFacts, ...]]

    @property
    def of_vantage(self) -> dict[str, tuple[LinkFacts, ...]]:
        """Give every look of each vantage, in order of time."""
        return {vantage_id: tuple(looks) for vantage_id, looks in self._looks.items()}

    def around(self, vantage_id: str, start: datetime, end: datetime | None) -> tuple[LinkFacts, ...]:
        """Give a vantage's looks from well before ``start`` to well after ``end`` (which a killed cycle lacks)."""
        times = self._times.get(vantage_id, [])
        first, last = bisect_left(times, start - AROUND), bisect_right(times, (end or start) + AROUND)
        return tuple(self._looks.get(vantage_id, [])[first:last])


def read_flights(session: Session) -> Flights:
    """Read every look."""
    table = models.LinkSample.__table__.c
    query = select(table.vantage_id, table.cycle_id, *(table[name] for name in _LOOK_COLUMNS)).order_by(
        table.vantage_id, table.sampled_at, table.link_sample_id
    )
    looks: dict[str, list[LinkFacts]] = defaultdict(list)
    of_cycle: dict[str, list[LinkFacts]] = defaultdict(list)
    for vantage_id, cycle_id, *values in session.execute(query):
        look = LinkFacts(**dict(zip(_LOOK_COLUMNS, values, strict=True)))
        looks[vantage_id].append(look)
        if cycle_id is not None:
            of_cycle[cycle_id].append(look)
    return Flights(
        looks,
        {vantage_id: [look.sampled_at for look in some] for vantage_id, some in looks.items()},
        {cycle_id: tuple(some) for cycle_id, some in of_cycle.items()},
    )


def read_self_checks(session: Session, wanted: list[ColumnElement[bool]]) -> dict[str, SelfFacts]:
    """Read the self-check of every cycle that has one."""
    check = models.SelfCheck.__table__.c
    query = (
        select(check.cycle_id, *(check[name] for name in _SELF_COLUMNS))
        .join(models.Cycle, models.Cycle.cycle_id == check.cycle_id)
        .where(*wanted)
    )
    return {
        cycle_id: SelfFacts(**dict(zip(_SELF_COLUMNS, values, strict=True)))
        for cycle_id, *values in session.execute(query)
    }


def clock_error(started_at: datetime, slot_at: datetime, itself: SelfFacts | None) -> timedelta:
    """Give how far a cycle's clock was ahead, where that is known and matters.

    From the controls' own word over TLS; else from the slot, where a scheduler
    with a right clock had named it: no cycle starts before its slot, or a day after.
    """
    if itself is not None and itself.clock_offset_source == AUTHENTIC and itself.clock_offset_s is not None:
        error = timedelta(seconds=itself.clock_offset_s)
        return error if abs(error) > TOLERATED else timedelta()
    late = started_at - slot_at
    return timedelta() if -TOLERATED <= late <= LATEST_START else late


def put_right(cycle: CycleFacts, error: timedelta) -> CycleFacts:
    """Give a cycle with its times as they would have been by a right clock."""
    if not error:
        return cycle
    return replace(
        cycle,
        started_at=cycle.started_at - error,
        links=tuple(replace(look, sampled_at=look.sampled_at - error) for look in cycle.links),
        flight=tuple(replace(look, sampled_at=look.sampled_at - error) for look in cycle.flight),
        measurements=tuple(replace(m, started_at=m.started_at - error) for m in cycle.measurements),
    )
