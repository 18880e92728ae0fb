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
    from analysis.causes.cells import Cell, Contrast
    from analysis.causes.plant import Plant

DUCT = element("duct of A", Kind.FIBRE)
MAINS = element("mains of A", Kind.POWER)
IN_DUCT = at("A", "AS1") | at("A", "AS2")
"""AS3 stands in A as well, and goes another way."""


def world(
    names: set[str], plant: Plant, silent: set[str] | None = None
) -> tuple[Contrast, list[Cell], Happening, Known]:
    """``silent``: dark as well, and measured nothing meanwhile."""
    outages = tuple(
        Outage(vantage=v, onset_after=T0, onset_before=T0 + timedelta(minutes=5), end_after=T0, end_before=None)
        for v in THREE_OPERATORS
        if v.vantage_id in names | (silent or set())
    )
    cycles = [CycleFacts(cycle_id=v.vantage_id, vantage=v, started_at=T0) for v in THREE_OPERATORS]
    plant = replace(plant, elements={one.name: one for line in plant.lines for one in elements_of(line.needs)})
    known = Known(cycles=cycles, beside=Surroundings(plant=plant))
    cells = dark(names)
    return contrast(cells, plant), cells, Happening(outages=outages[:2], joint=outages), known


def explains(names: set[str], plant: Plant, silent: set[str] | None = None) -> bool:
    return is_exact(*world(names, plant, silent))


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


def test_an_element_that_takes_one_of_two_dark_operators_is_not_exact() -> None:
    """Two operators were ordered off one after the other; while one was dark, the other had not been heard."""
    site = documented()
    assert not explains(at("A", "AS1"), site, silent=at("A", "AS2"))
    assert not explains(IN_DUCT, documented((DUCT, IN_DUCT)), silent=at("B", "AS3"))


def test_an_element_is_exact_only_where_an_order_explains_it_ten_times_worse() -> None:
    found, cells, happening, known = world(IN_DUCT, documented((DUCT, IN_DUCT)))
    assert is_exact(replace(found, log10_bf=-1.0), cells, happening, known)
    assert not is_exact(replace(found, log10_bf=-0.99), cells, happening, known)
