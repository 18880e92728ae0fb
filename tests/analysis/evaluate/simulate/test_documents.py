"""What is documented of a country is true of all that it names, and silent on the rest."""

from __future__ import annotations

from collections import Counter

import pytest

from analysis.causes.plant import elements_of
from analysis.evaluate.simulate.cycle import facts_of
from analysis.evaluate.simulate.dice import dice
from analysis.evaluate.simulate.documents import SHARES, Documented, documented
from analysis.evaluate.simulate.plant import build

COUNTRIES = [build(dice("plant", n), targets=(4, 4), probes=(4, 8)) for n in range(60)]
GIVEN = [(country, *documented(country, dice("documents", n))) for n, country in enumerate(COUNTRIES)]


def test_a_plant_names_what_a_packet_passes_and_nothing_else() -> None:
    for country, _, plant in GIVEN:
        for place in country.probes:
            lines = plant.lines_of(facts_of(place))
            named = {e.name for line in lines for e in elements_of((*line.needs, *line.home, *line.abroad))}
            passed = {e.replace(":", " ") for e in (*place.way[1:], place.gateway, "ix", f"mains:{place.region}")}
            assert named in (set(), passed)


def test_only_all_of_it_calls_itself_complete_and_nothing_is_named_of_some() -> None:
    for country, how_much, plant in GIVEN:
        spoken_of = {place.operator for place in country.probes if plant.lines_of(facts_of(place))}
        assert (plant.complete is not None) == (how_much is Documented.ALL)
        match how_much:
            case Documented.NOTHING:
                assert not spoken_of
            case Documented.ALL:
                assert spoken_of == set(country.operators)
            case Documented.SOME_OPERATORS:
                assert spoken_of
                assert len(spoken_of) < len(country.operators) or len(country.operators) == 1


@pytest.mark.parametrize(("which", "share"), SHARES)
def test_shares_are_as_told(which: Documented, share: float) -> None:
    country = COUNTRIES[0]
    counts = Counter(documented(country, dice("share", n))[0] for n in range(400))
    assert counts[which] / 400 == pytest.approx(share, abs=4 * (share * (1 - share) / 400) ** 0.5)


def test_independence_is_claimed_only_of_networks_whose_whole_way_is_listed() -> None:
    claims = [(country, plant) for country, how, plant in GIVEN if how is Documented.SOME_OPERATORS]
    assert any(plant.independent for _, plant in claims)
    for country, plant in claims:
        for statement in plant.independent:
            for place in country.probes:
                if statement.group_of(facts_of(place)) is not None:
                    assert plant.is_documented_for(facts_of(place))
