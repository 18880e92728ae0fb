"""A failure that follows the version of our software accuses nobody else; a block that a release meets stands."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.analyse import as_dict, conclude
from analysis.instrument import HIGHEST_P, defects_of
from analysis.states import State
from tests.analysis.fact_builder import RESET, CycleBuilder, failed, plus_pairs, reached, sentinel_cycle

if TYPE_CHECKING:
    from analysis.facts import CycleFacts, MeasurementFacts

TARGET = "news.example.com"
NETWORKS = ("AS1", "AS2", "AS3")
OLD, NEW = "1.0", "2.0"

Fate = Callable[[str, int, int, str], bool]
"""(network, number within it, slot, version) -> whether the target fails."""


def campaign(
    fate: Fate,
    *,
    networks: int = 2,
    vantages: int = 4,
    slots: int = 4,
    runs: Callable[[int, int], str] = lambda number, slot: NEW if number >= 2 else OLD,
    bearer: Callable[[int], str] = lambda number: "fixed",
    pairs: int = 5,
) -> list[CycleFacts]:
    """``runs``: the version by a vantage's number and the slot. What fails is reset by name, in all of its pairs."""
    cycles = []
    for slot in range(slots):
        for network in NETWORKS[:networks]:
            for number in range(vantages):
                version = runs(number, slot)
                builder = CycleBuilder(vantage=f"{network}-{number}", index=slot, network=network).controls()
                if fate(network, number, slot, version):
                    builder.add(TARGET, failed("tls", RESET), pairs=plus_pairs(pairs))
                else:
                    builder.add(TARGET, reached(), pairs=plus_pairs(0, alive=1))
                made = builder.build()
                place = replace(made.vantage, bearer=bearer(number))
                cycles.append(replace(made, software_version=version, vantage=place))
        cycles.append(replace(sentinel_cycle(index=slot), software_version=OLD))
    return cycles


def new_fails(network: str, number: int, slot: int, version: str) -> bool:
    return version == NEW


def all_fail_from_slot_2(network: str, number: int, slot: int, version: str) -> bool:
    return slot >= 2


def states(cycles: list[CycleFacts]) -> set[State]:
    return {j.decision.state for j in conclude(cycles).judged if j.facts.measurement.target == TARGET}


def test_what_fails_under_one_version_alone_is_a_defect_and_no_block() -> None:
    cycles = campaign(new_fails)
    assert states(cycles) == {State.OK, State.INSUFFICIENT}
    found = as_dict(conclude(cycles))
    (defect,) = found["defects"]
    assert defect["kind"] == "instrument-defect"
    assert (defect["software_version"], defect["others"]) == (NEW, [OLD])
    assert (defect["failed"], defect["measured"]) == (16, 16)
    assert (defect["failed_elsewhere"], defect["measured_elsewhere"]) == (0, 16)
    assert defect["networks"] == ["AS1", "AS2"]
    struck = [s for s in found["states"] if s["state"] == "insufficient" and s["target"] == TARGET]
    assert {s["measurement"] for s in struck} == set(defect["measurements"])
    assert {item["rule"] for s in struck for item in s["evidence"]} >= {"instrument.defect"}
    assert "version 2.0" in struck[0]["reason"]
    assert "16 of 16" in struck[0]["reason"]


def test_the_same_failures_without_the_versions_would_be_called_blocked() -> None:
    cycles = [replace(cycle, software_version=OLD) for cycle in campaign(new_fails)]
    assert State.BLOCKED in states(cycles)


def test_a_release_that_rolls_out_while_a_block_begins_does_not_hide_it() -> None:
    cycles = campaign(
        all_fail_from_slot_2, pairs=14, runs=lambda number, slot: NEW if slot >= 2 and number >= 2 else OLD
    )
    assert defects_of(cycles) == ()
    assert State.BLOCKED in states(cycles)


def test_a_release_that_everybody_takes_at_once_as_a_block_begins_does_not_hide_it() -> None:
    cycles = campaign(all_fail_from_slot_2, pairs=14, runs=lambda number, slot: NEW if slot >= 2 else OLD)
    assert defects_of(cycles) == ()
    assert State.BLOCKED in states(cycles)


def test_a_block_beside_a_defect_of_another_target_stands() -> None:
    cycles = campaign(new_fails)
    blocked = campaign(lambda *_: True)
    both = [
        replace(one, measurements=(*one.measurements, *(_renamed(m) for m in other.measurements if m.target == TARGET)))
        for one, other in zip(cycles, blocked, strict=True)
        if one.vantage.role == "probe"
    ]
    assert {defect.target for defect in defects_of(both)} == {TARGET}


def _renamed(measurement: MeasurementFacts) -> MeasurementFacts:
    return replace(measurement, target="other.example.com", measurement_id=f"{measurement.measurement_id}.other")


def test_one_network_is_too_few() -> None:
    assert defects_of(campaign(new_fails, networks=1, vantages=10)) == ()


def test_one_vantage_of_each_version_in_two_networks_is_too_few() -> None:
    assert defects_of(campaign(new_fails, vantages=2, runs=lambda number, slot: NEW if number else OLD)) == ()


def test_upgrades_one_after_the_other_tell_more_than_one_at_once() -> None:
    """Each vantage fails from its own upgrade on: that is seldom by chance."""
    cycles = campaign(new_fails, vantages=3, slots=8, runs=lambda number, slot: NEW if slot >= 2 + 2 * number else OLD)
    (defect,) = defects_of(cycles)
    assert defect.p < 0.05


def test_an_old_version_that_fails_is_a_defect_as_well() -> None:
    (defect,) = defects_of(campaign(lambda network, number, slot, version: version == OLD))
    assert defect.software_version == OLD


def test_bearers_are_not_compared_with_each_other() -> None:
    """A block of mobile customers, whose phones run a newer version, is no defect."""
    cycles = campaign(new_fails, bearer=lambda number: "mobile" if number >= 2 else "fixed")
    assert defects_of(cycles) == ()


def test_what_only_a_newer_version_can_see_is_no_failure() -> None:
    """The page came over TCP; the newer version alone made QUIC pairs, and a rule on QUIC is no defect of ours."""
    cycles = []
    for cycle in campaign(lambda *_: False):
        quic = CycleBuilder(vantage=cycle.vantage.vantage_id, index=0, network=cycle.vantage.network)
        made = tuple(quic.pair(TARGET, "quic", "helper", RESET, None) for _ in range(14))
        cycles.append(
            replace(cycle, measurements=tuple(replace(m, pairs=made) for m in cycle.measurements))
            if cycle.software_version == NEW
            else cycle
        )
    assert defects_of(cycles) == ()


def test_one_version_is_nothing_to_compare() -> None:
    assert defects_of(campaign(new_fails, runs=lambda number, slot: NEW)[:-1]) == ()


def test_the_order_of_cycles_changes_nothing() -> None:
    cycles = campaign(new_fails, networks=3)
    expected = defects_of(cycles)
    random.Random(4).shuffle(cycles)
    assert defects_of(cycles) == expected


def test_failures_that_ask_for_no_version_are_seldom_called_a_defect() -> None:
    """Half of the vantages are struck, at random, for good: the versions have nothing to do with it."""
    draw = random.Random(1)
    called = 0
    for _ in range(100):
        versions = [draw.choice((OLD, NEW)) for _ in range(6)]
        cycles = []
        for network in NETWORKS:
            for number, version in enumerate(versions):
                builder = CycleBuilder(vantage=f"{network}-{number}", network=network)
                builder.add(TARGET, failed("tcp", attempts=1) if draw.random() < 0.5 else reached())
                cycles.append(replace(builder.build(), software_version=version))
        called += bool(defects_of(cycles))
    assert called <= 100 * 2 * HIGHEST_P  # two versions are asked each time
