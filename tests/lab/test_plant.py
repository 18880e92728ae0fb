"""A scenario's own shared-risk file."""

from __future__ import annotations

import pytest

from analysis.causes.cells import Cell
from analysis.causes.contrast import contrast
from analysis.causes.plant import Kind, Plant, cuts
from analysis.causes.plant_file import plant_of as read
from analysis.facts import VantageFacts
from lab.plant import plant_of
from lab.topology import Role, Topology
from lab.topology_file import TOPOLOGIES, load
from lab.yaml_values import names_in

COUNTRY = load("country")


def facts(topology: Topology) -> dict[str, VantageFacts]:
    return {
        name: VantageFacts(
            vantage_id=name,
            country=topology.networks[host.network].country,
            region=host.region,
            network=topology.networks[host.network].asn,
            bearer=host.bearer,
            role="control" if host.role is Role.SENTINEL else "probe",
        )
        for name, host in topology.hosts_of(Role.VANTAGE, Role.SENTINEL).items()
    }


def single_cuts(plant: Plant, vantage: VantageFacts, *, is_home: bool) -> set[str]:
    found = [cut for need in plant.needs_of(vantage, is_home=is_home) for cut in cuts(need) if len(cut) == 1]
    return {element.name for cut in found for element in cut}


@pytest.mark.parametrize("name", names_in(TOPOLOGIES))
def test_every_topology_gives_a_file_that_speaks_of_every_vantage(name: str) -> None:
    topology = load(name)
    plant = read(plant_of(topology), name)
    assert all(plant.lines_of(vantage) for vantage in facts(topology).values())


def test_lines_through_one_duct_share_it_and_a_second_way_is_one() -> None:
    plant, at = read(plant_of(COUNTRY), "country"), facts(COUNTRY)
    assert plant.elements["western-duct"].kind is Kind.FIBRE
    cut_by = {name: single_cuts(plant, vantage, is_home=False) for name, vantage in at.items()}
    assert {name for name, cut in cut_by.items() if "western-duct" in cut} == {"harbour-fixed", "harbour-one"}
    assert {name for name, cut in cut_by.items() if "western-duct unnoticed" in cut} == {
        "harbour-fixed",
        "harbour-one",
        "harbour-two",
    }
    assert "one-west" in cut_by["harbour-one"]
    assert "tower-quay" not in cut_by["harbour-one"]  # the hill's tower is there as well


def test_what_the_mains_feed_hangs_on_them() -> None:
    plant, at = read(plant_of(COUNTRY), "country"), facts(COUNTRY)
    on_mains = {name for name, v in at.items() if "mains of harbour" in single_cuts(plant, v, is_home=False)}
    assert on_mains == {"harbour-fixed", "harbour-one", "harbour-two"}  # one hears two towers, both fed by them


def test_home_is_reached_without_the_gateway_and_what_is_abroad_is_not() -> None:
    topology = load("standard")
    plant, at = read(plant_of(topology), "standard"), facts(topology)
    assert "transit" in single_cuts(plant, at["vantage-a"], is_home=False)
    assert "transit" not in single_cuts(plant, at["vantage-a"], is_home=True)


@pytest.mark.parametrize("name", ["kazakhstan-2011", "kazakhstan-today"])
def test_what_is_not_established_stays_assumed(name: str) -> None:
    """So nothing there is independent, and no darkness speaks for an order by its shape alone."""
    topology = load(name)
    plant = read(plant_of(topology), name)
    assert plant.complete is None
    assert plant.independent == ()
    assert all(element.source is None for element in plant.elements.values())
    off = {"aktau-mobile", "aktau-mobile-two"}
    cells = [Cell(v, "t", "s", (), 2 * (n in off), 2, n in off) for n, v in facts(topology).items()]
    assert contrast(cells, plant).log10_bf <= 0


def test_one_cut_duct_that_takes_three_operators_speaks_for_damage() -> None:
    at, dark = facts(COUNTRY), {"harbour-fixed", "harbour-one", "harbour-two"}
    cells = [Cell(v, "t", "s", (), 2 * (n in dark), 2, n in dark) for n, v in at.items()]
    assert contrast(cells, read(plant_of(COUNTRY), "country")).log10_bf <= -0.5
