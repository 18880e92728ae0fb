"""How the light came back: in one step or in stages, by place or by operator, and with relapses.

Repair goes from street to street and fails again; an order is lifted, at once or
operator by operator. Whoever orders may feign the one, and a single cut that is
mended looks like the other: the shape never says much, and only once all is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.ledger import Entry
from analysis.times import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.causes.happening import Happening, Known, Outage

WITHIN_SCOPE = -0.5
"""Lines of one operator, bearer and place that return one after the other."""
BY_PLACE = -0.3
"""Places of one operator that return one after the other: repair, or an order that is lifted region by region."""
RELAPSED = -0.2
ONE_STEP = 0.5
"""Operators that share nothing, as is documented, and return at one moment."""
MOST = 0.7
"""Bound on what a recovery may say, either way; the parts above stay within it together."""


def entries(happening: Happening, known: Known) -> tuple[Entry, ...]:
    """Give what the recovery says. Nothing before all of it is over."""
    found: list[Entry] = []
    relapses = sorted({moment for outage in happening.outages for moment in outage.relapses})
    if relapses:
        text = f"It was dark again after it had returned ({', '.join(iso(moment) for moment in relapses)}): a relapse."
        found.append(Entry("B", "recovery.relapse", RELAPSED, _rows(happening.outages), text))
    if not all(outage.is_over for outage in happening.joint) or len(happening.joint) < 2:
        return tuple(found)
    shape = _shape(happening, known)
    return tuple(found if shape is None else [shape, *found])


def _shape(happening: Happening, known: Known) -> Entry | None:
    steps = _steps(happening.joint)
    told = "; ".join(
        f"{', '.join(o.vantage_id for o in step)} by {iso(max(o.lasts_until for o in step))}" for step in steps
    )
    rows = _rows(happening.joint)
    if len(steps) == 1:
        networks = {o.vantage.network: o.vantage for o in happening.joint if o.vantage.network is not None}
        if len(networks) > 1 and known.are_independent(happening, tuple(networks.values())):
            text = f"Operators that share nothing, as is documented, may have returned at one moment: {told}."
            return Entry("B", "recovery.one_step", ONE_STEP, rows, text)
        text = f"All may have returned at one moment ({told}), as after one repair or at one word."
        return Entry("B", "recovery.one_step", 0.0, rows, text)
    if len(_steps(happening.outages)) > 1:
        text = f"Lines of one operator in one place returned one after the other, as they are mended: {told}."
        return Entry("B", "recovery.by_line", WITHIN_SCOPE, rows, text)
    mine = [o for o in happening.joint if o.vantage.network == happening.outages[0].vantage.network]
    if len({o.place for o in mine}) > 1 and len(_steps(mine)) > 1:
        text = f"One operator's places returned one after the other, as they are mended: {told}."
        return Entry("B", "recovery.by_place", BY_PLACE, rows, text)
    text = f"Operators returned one after the other: {told}. Repair and orders may both be so."
    return Entry("B", "recovery.by_operator", 0.0, rows, text)


def _steps(outages: Sequence[Outage]) -> list[list[Outage]]:
    """Put outages together that may have ended at one moment, in order of time."""
    steps: list[list[Outage]] = []
    for outage in sorted(outages, key=lambda o: (o.lasts_until, o.vantage_id)):
        if steps and all(outage.ended_with(other) for other in steps[-1]):
            steps[-1].append(outage)
        else:
            steps.append([outage])
    return steps


def _rows(outages: Sequence[Outage]) -> tuple[str, ...]:
    return tuple(row for outage in outages for row in outage.witness)
