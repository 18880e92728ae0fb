"""The world: damage sees no name, boxes act on what passes them, and chance comes from the seed."""

from __future__ import annotations

import itertools

import pytest

from analysis.evaluate.simulate.acts import Act, Does
from analysis.evaluate.simulate.dice import dice
from analysis.evaluate.simulate.faults import Fault, bursts, cut, large, loss, member_dead
from analysis.evaluate.simulate.plant import build
from analysis.evaluate.simulate.world import World
from probe.failures import Failure

ROUTE = ("home:a", "core:op1", "gateway:1", "net:9", "server:9.9")


def world(*faults: Fault, acts: tuple[Act, ...] = ()) -> World:
    made = World(acts=list(acts))
    for fault in faults:
        made.faults[fault.element].append(fault)
    return made


def test_a_cut_takes_everything_from_its_start_to_its_end() -> None:
    made = world(Fault("core:op1", 10.0, 20.0, cut))
    passed = [made.pass_once(ROUTE, t, 1, 60, dice(1)) for t in (9.9, 10.0, 19.9, 20.0)]
    assert passed == [None, Failure.TIMEOUT, Failure.TIMEOUT, None]
    assert made.pass_once(ROUTE[2:], 15.0, 1, 60, dice(1)) is None


def test_large_packets_die_and_small_ones_pass() -> None:
    made = world(Fault("gateway:1", 0.0, 1e9, large))
    assert made.pass_once(ROUTE, 0.0, 1, 1400, dice(1)) == Failure.TIMEOUT
    assert made.pass_once(ROUTE, 0.0, 1, 80, dice(1)) is None


def test_a_dead_member_takes_its_flows_and_no_others() -> None:
    made = world(Fault("gateway:1", 0.0, 1e9, member_dead(4)))
    dead = [flow for flow in range(8) if made.pass_once(ROUTE, 0.0, flow, 60, dice(1))]
    assert dead == [0, 4]


def test_loss_loses_its_share() -> None:
    made, rng = world(Fault("home:a", 0.0, 1e9, loss(0.3))), dice("loss")
    lost = sum(made.pass_once(ROUTE, 0.0, 1, 60, rng) is not None for _ in range(4000))
    assert lost / 4000 == pytest.approx(0.3, abs=0.03)


def test_bursts_hold_for_whole_turns() -> None:
    made = world(Fault("home:a", 0.0, 1e9, bursts("salt", 10.0, 0.5)))
    by_turn = [[made.pass_once(ROUTE, 10 * turn + s, 1, 60, dice(s)) for s in (0.0, 4.0, 9.9)] for turn in range(40)]
    assert all(len(set(turn)) == 1 for turn in by_turn)
    assert 8 < sum(turn[0] is not None for turn in by_turn) < 32


def test_a_rule_meets_the_name_and_what_stands_under_it() -> None:
    act = Act(element="core:op1", names=frozenset({"social.example"}), start=5.0, end=9.0)
    made = world(acts=(act,))
    met = [made.acting(ROUTE, "sni", name, 6.0) for name in ("social.example", "m.social.example", "asocial.example")]
    assert met == [act, act, None]
    assert made.acting(ROUTE, "sni", "social.example", 9.0) is None
    assert made.acting(ROUTE, "host", "social.example", 6.0) is None
    assert made.acting(ROUTE[2:], "sni", "social.example", 6.0) is None


def test_a_path_is_read_in_pieces() -> None:
    act = Act(element="core:op1", names=frozenset({"y4De"}), layer="path", does=Does.RESET)
    assert act.reads("/watch?v=y4De")
    assert not act.reads("/watch?v=other")


def test_traced_packets_show_how_far_the_way_goes() -> None:
    assert world().dead_from(ROUTE, 0.0, dice(1)) == 5
    assert world(Fault("gateway:1", 0.0, 1.0, cut)).dead_from(ROUTE, 0.0, dice(1)) == 2


def test_dice_are_thrown_again_alike_and_for_each_purpose_apart() -> None:
    assert dice("a", 1).random() == dice("a", 1).random()
    assert len({dice(*what).random() for what in itertools.product("ab", (1, 2))}) == 4


def test_some_or_all_operators_of_a_region_may_share_a_duct_and_then_lie_behind_it_together() -> None:
    plants = [build(dice("plant", n), targets=(4, 4), probes=(4, 6)) for n in range(40)]
    shared = [(plant, region) for plant in plants for region in plant.regions if plant.behind(f"duct:{region}")]
    for plant, region in shared:
        behind = plant.behind(f"duct:{region}")
        operators = {place.operator for place in behind}
        assert [place for place in plant.of(region=region) if place.operator in operators] == list(behind)
    all_there = [plant.behind(f"duct:{region}") == plant.of(region=region) for plant, region in shared]
    assert {True, False} == set(all_there)


def test_every_country_has_a_sentinel_outside_and_two_probes_of_one_network() -> None:
    for n in range(20):
        plant = build(dice("plant", n), targets=(4, 4), probes=(3, 4))
        assert [v.is_sentinel for v in plant.vantages].count(True) == 1
        networks = [place.network for place in plant.probes]
        assert max(map(networks.count, networks)) >= 2
