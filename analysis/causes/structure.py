"""Topology against targeting, over all cells of the country while it was dark (:mod:`analysis.causes.contrast`)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from analysis.causes.cells import Cell
from analysis.causes.contrast import contrast
from analysis.causes.plant import Kind
from analysis.ledger import Entry
from analysis.rules.evidence import MAX_WITNESSES
from analysis.states import State
from probe.model import TargetKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.causes.cells import Contrast
    from analysis.causes.happening import Happening, Known

_SAYS_NOTHING = frozenset({State.LOCAL, State.INSUFFICIENT, State.SUSPECTED, State.DOWN, State.WITHHELD})
"""States of measurements that tell neither that the way out worked nor that it did not."""

_OPERATORS = 2
"""One operator's element that failed looks like an order to that operator."""

SURELY = -1.0
"""log10: an order explains it so much worse, before one element is said to be what fell."""


def entries(happening: Happening, known: Known) -> tuple[Entry, ...]:
    """Give the Bayes factor, and the documented element that explains just what is dark, if there is one."""
    cells = cells_of(happening, known)
    found = contrast(cells, known.beside.plant)
    rows = tuple(row for outage in happening.joint for row in outage.witness)[:MAX_WITNESSES]
    if not found.damage and not found.targeting:
        return (Entry("B", "plant.silent", 0.0, rows, found.text),)
    if is_exact(found, cells, happening, known):
        return (Entry("B", "plant.element", found.log10_bf, rows, found.text),)
    weight = found.log10_bf if found.is_documented or found.log10_bf > 0 else 0.0
    return (Entry("B", "plant.contrast", weight, rows, found.text),)


def is_exact(found: Contrast, cells: Sequence[Cell], happening: Happening, known: Known) -> bool:
    """Tell whether one documented element takes down two operators, all that is dark, and spares a line beside them.

    The line that lives stands in a place of the dark ones and does without the element: an order to all of the place
    would look the same. And an order must explain it ten times worse. The mains of a place take whatever failed in
    it: that they would explain it too is no sign that they did, and no sign against an element that takes just these.
    """
    if len(found.damage_elements) != 1 or not found.is_documented or found.unexplained or found.log10_bf > SURELY:
        return False
    elements = [known.beside.plant.elements.get(name) for name in found.damage_elements[0]]
    if not any(element and element.source and element.kind is not Kind.POWER for element in elements):
        return False
    dark = {cell.vantage.vantage_id for cell in cells if cell.is_dark}
    if dark != happening.joint_ids:
        return False
    places = {outage.place for outage in happening.joint}
    beside = [v for v in known.neighbours_of(happening) if (v.country, v.region or "") in places]
    return len({outage.vantage.network for outage in happening.joint}) >= _OPERATORS and bool(beside)


def cells_of(happening: Happening, known: Known) -> list[Cell]:
    """Give what every vantage of the country saw of every target and control while the scope was surely dark."""
    first, last = happening.first_bad, max(outage.end_after for outage in happening.outages)
    there = {outage.vantage_id for outage in happening.joint} | {v.vantage_id for v in known.neighbours_of(happening)}
    counts: dict[tuple[str, str, str, bool], list[bool]] = defaultdict(list)
    for (vantage_id, target), judgements in known.judgements_of.items():
        for facts, _, decision in judgements if vantage_id in there else ():
            measurement = facts.measurement
            if measurement.kind == TargetKind.PORTAL_CHECK or decision.state in _SAYS_NOTHING:
                continue
            if first <= measurement.started_at <= last:
                is_home = measurement.kind == TargetKind.CONTROL_HOME
                counts[vantage_id, target, measurement.service, is_home].append(decision.state is State.DARK)
    return [
        Cell(
            vantage=known.vantages[vantage_id],
            target=target,
            service=service,
            address_blocks=(),
            failed=sum(dark),
            measured=len(dark),
            is_dark=any(dark),
            is_home=is_home,
        )
        for (vantage_id, target, service, is_home), dark in sorted(counts.items())
    ]
