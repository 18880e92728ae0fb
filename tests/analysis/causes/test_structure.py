"""When one documented element explains a darkness so exactly that an order does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from analysis.causes.contrast import contrast
from analysis.causes.happening import Happening, Known, Outage
from analysis.causes.plant import Kind, elements_of
from analysis.causes.structure import is_exact
from analysis.facts import CycleFacts, Surroundings
from tests.analysis.causes.plants import THREE_OPERATORS, at, dark, documented, element
from tests.analysis.fact_builder import T0

if TYPE_CHECKING:
    from analysis.causes.plant import Plant

DUCT = element("duct of A", Kind.FIBRE)
MAINS = element("mains of A", Kind.POWER)
IN_DUCT = at("A", "AS1") | at("A", "AS2")
"""AS3 stands in A as well, and goes another way."""


def explains(names: set[str], plant: Plant) -> bool:
    outages = tuple(
        Outage(vantage=v, onset_after=T0, onset_before=T0 + timedelta(minutes=5), end_after=T0, end_before=None)
        for v in THREE_OPERATORS
        if v.vantage_id in names
    )
    cycles = [CycleFacts(cycle_id=v.vantage_id, vantage=v, started_at=T0) for v in THREE_OPERATORS]
    plant = replace(plant, elements={one.name: one for line in plant.lines for one in elements_of(line.needs)})
    known = Known(cycles=cycles, beside=Surroundings(plant=plant))
    return is_exact(contrast(dark(names), plant), Happening(outages=outages[:2], joint=outages), known)


def test_a_duct_that_takes_two_operators_and_spares_their_neighbour_is_exact() -> None:
    assert explains(IN_DUCT, documented((DUCT, IN_DUCT)))


def test_mains_that_would_explain_it_too_take_nothing_from_a_duct_that_does() -> None:
    assert explains(IN_DUCT, documented((DUCT, IN_DUCT), (MAINS, at("A"))))


@pytest.mark.parametrize(
    ("names", "plant"),
    [
        pytest.param(at("A"), documented((DUCT, at("A"))), id="an order to all of a place looks the same"),
        pytest.param(IN_DUCT, documented((MAINS, at("A"))), id="mains take whatever failed"),
        pytest.param(at("A", "AS1"), documented(), id="one operator's site, or an order to it"),
        pytest.param(at(network="AS1"), documented(), id="one operator's core, or an order to it"),
        pytest.param(IN_DUCT | at("B", "AS3"), documented((DUCT, IN_DUCT)), id="something else is dark too"),
    ],
)
def test_what_an_order_does_as_well_is_not_exact(names: set[str], plant: Plant) -> None:
    assert not explains(names, plant)
