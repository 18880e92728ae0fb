from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from math import comb, exp, log, log10
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from analysis.causes import contrast as contrasting
from analysis.causes.contrast import MOST, MOST_IF_DOCUMENTED, contrast
from analysis.causes.likelihood import LEAK, MISS, log_likelihood
from analysis.causes.plant import Kind, Line, Plant, Selector, cuts
from analysis.causes.targeting import PLACE, orders_of
from analysis.causes.topology import faults_of
from analysis.causes.votes import votes_of
from tests.analysis.causes.plants import (
    SENTINEL,
    THREE_OPERATORS,
    apart,
    at,
    blocked,
    dark,
    documented,
    element,
    needs,
    vantage,
)

MOBILE_IN_A = at(region="A", bearer="mobile")
NOTHING = Plant()


def unbounded(cells: list, plant: Plant) -> contrasting._Weighed:
    votes = votes_of(cells)
    return contrasting._Weighed(votes, faults_of(votes, plant), orders_of(votes))


# ---------------------------------------------------------------- never accuse wrongly


def test_a_fibre_that_takes_three_operators_at_once_speaks_for_damage() -> None:
    duct = element("western-duct", Kind.FIBRE)
    found = contrast(dark(at(region="A")), documented((duct, at(region="A"))))
    assert found.log10_bf <= -1.0
    assert "western-duct" in found.damage[0]


def test_a_fibre_that_nobody_listed_speaks_for_damage_too() -> None:
    assert contrast(dark(at(region="A")), NOTHING).log10_bf <= -1.0


def test_a_fibre_that_spares_one_of_three_operators_is_not_taken_for_an_order() -> None:
    duct = element("western-duct", Kind.FIBRE)
    some = at(region="A", network="AS1") | at(region="A", network="AS2")
    assert contrast(dark(some), documented((duct, some))).log10_bf <= 0
    assert contrast(dark(some), NOTHING).log10_bf <= 0


def test_data_off_on_two_independent_mobile_operators_while_fixed_lines_live_speaks_for_an_order() -> None:
    found = contrast(dark(MOBILE_IN_A), documented())
    assert found.log10_bf >= 0.5
    assert set(found.targeting) == {"bearer mobile and place A"}
    assert found.is_documented


def test_without_a_document_of_their_independence_the_same_speaks_for_nothing() -> None:
    assert contrast(dark(MOBILE_IN_A), NOTHING).log10_bf <= 0


@pytest.mark.parametrize("plant", [NOTHING, apart("AS1", "AS2", "AS3"), documented()], ids=["none", "apart", "all"])
def test_one_operator_that_is_dark_everywhere_cannot_be_told_from_its_core(plant: Plant) -> None:
    found = contrast(dark(at(network="AS2")), plant)
    assert -0.5 <= found.log10_bf <= 0
    assert found.targeting == ("operator AS2",)


def test_the_guard_of_the_one_fault_is_what_keeps_it_there() -> None:
    """Its prior alone would speak for the order: remove the guard, and this is red."""
    cells, plant = dark(at(bearer="mobile")), NOTHING
    assert unbounded(cells, plant).log10_bf > 0.1
    assert contrast(cells, plant).log10_bf == 0


def test_lost_mains_whose_batteries_last_differently_are_no_order_to_a_bearer() -> None:
    mains = element("mains", Kind.POWER)
    with_mains = contrast(dark(MOBILE_IN_A), documented((mains, at(region="A"))))
    assert with_mains.log10_bf <= 0
    assert with_mains.damage == ("mains",)
    duct = element("mains", Kind.FIBRE)  # takes all that hang on it, so it cannot have fallen
    assert contrast(dark(MOBILE_IN_A), documented((duct, at(region="A")))).log10_bf > 0


def test_a_whole_place_is_no_rule_even_where_all_in_it_have_one_bearer() -> None:
    only_mobile_in_a = tuple(v for v in THREE_OPERATORS if (v.region, v.bearer) != ("A", "fixed"))
    found = contrast(dark(MOBILE_IN_A, only_mobile_in_a), documented())
    assert found.log10_bf <= 0
    assert "struck A" in found.damage[0]


def test_no_rule_that_names_a_place_takes_all_that_lived_there() -> None:
    """A rule on a place where everything has one bearer is the place, though some of it lived."""
    only_mobile_in_a = tuple(v for v in THREE_OPERATORS if (v.region, v.bearer) != ("A", "fixed"))
    votes = votes_of(dark(MOBILE_IN_A - {"AS2-A-0"}, only_mobile_in_a))
    named = [rule for rules in orders_of(votes).lists for rule in rules]
    assert named
    assert not any({literal[0] for literal in rule} == {"bearer", PLACE} for rule in named)


def test_faults_beside_each_other_do_not_become_an_order() -> None:
    mixed = {"AS1-A-0", "AS2-B-1", *at(region="C", network="AS3")}
    assert contrast(dark(mixed), documented()).log10_bf <= -1.0


@pytest.mark.parametrize(
    "cells",
    [
        [],
        dark({"AS2-A-0"}, [THREE_OPERATORS[6]]),
        dark(()),
        dark(v.vantage_id for v in THREE_OPERATORS),
        [replace(cell, failed=0, measured=0) for cell in dark(MOBILE_IN_A)],
    ],
    ids=["no cell", "one vantage", "nothing dark", "everything dark", "nothing measured"],
)
def test_where_there_is_nothing_to_tell_apart_it_says_zero(cells: list) -> None:
    found = contrast(cells, documented())
    assert (found.log10_bf, found.targeting, found.damage) == (0.0, (), ())


def test_an_order_that_spares_one_vantage_by_chance_and_takes_all_others_is_no_pattern() -> None:
    found = contrast(dark({v.vantage_id for v in THREE_OPERATORS} - {"AS2-B-0"}), documented())
    assert found.log10_bf <= 0


def test_it_stays_under_what_two_kinds_of_structure_must_reach_together() -> None:
    many = tuple(
        vantage(f"AS{n}-{r}-{k}", f"AS{n}", r, "fixed" if n < 3 else "mobile")
        for n in range(1, 9)
        for r in "AB"
        for k in range(2)
    )
    off = {v.vantage_id for v in many if v.bearer == "mobile"}
    lines = tuple(
        Line(who=Selector(vantage=v.vantage_id), needs=needs(element(f"core {v.network}")), source="x") for v in many
    )
    known = Plant(lines=lines, complete="x")
    assert unbounded(dark(off, many), known).log10_bf > 2.0
    assert contrast(dark(off, many), known).log10_bf == MOST_IF_DOCUMENTED < 2.0
    assumed = replace(known, lines=tuple(replace(line, source=None) for line in lines))
    assert contrast(dark(off, many), assumed).log10_bf == MOST


def test_an_order_beside_a_fault_is_told_with_both_named() -> None:
    found = contrast(dark(at(bearer="mobile") | at(region="C", network="AS1")), documented())
    assert found.log10_bf > 0
    assert found.targeting == ("bearer mobile",)
    assert found.both == ("site of AS1 at C",)


def test_what_faults_leave_unexplained_is_named() -> None:
    scattered = {"AS1-A-0", "AS1-B-0", "AS2-A-0", "AS3-B-0", "AS3-C-1"}
    found = contrast(dark(scattered), documented())
    explained = {name for name in scattered if any(f"line of {name}" in element for element in found.damage)}
    assert found.unexplained == tuple((name, f"t{n}") for name in sorted(scattered - explained) for n in range(4))
    assert scattered > explained > set()


# ---------------------------------------------------------------- votes


def test_twenty_targets_say_no_more_than_one() -> None:
    one, twenty = (contrast(dark(MOBILE_IN_A, targets=n), documented()).log10_bf for n in (2, 20))
    assert twenty == pytest.approx(one, abs=1e-6)


def test_what_was_measured_often_says_no_more() -> None:
    often = [replace(cell, failed=cell.failed * 50, measured=cell.measured * 50) for cell in dark(MOBILE_IN_A)]
    assert contrast(often, documented()) == contrast(dark(MOBILE_IN_A), documented())


def test_a_name_that_is_blocked_beside_the_darkness_is_not_taken_for_its_cause() -> None:
    cells = dark(at(region="A"))
    beside = [
        replace(c, failed=3) if c.target == "t1" and not c.is_dark and c.vantage.country == "KZ" else c for c in cells
    ]
    assert contrast(beside, documented()).targeting == contrast(cells, documented()).targeting
    assert contrast(beside, documented()).log10_bf <= -1.0


# ---------------------------------------------------------------- names


def test_a_dead_site_and_a_dead_platform_do_not_speak_for_an_order() -> None:
    for bad in (
        lambda v, n: n // 3 == 1,
        lambda v, n: n // 3 == 1 and v.country == "KZ",
        lambda v, n: n // 2 == 1 and v.country == "KZ",
        lambda v, n: n // 2 == 1 and v.network == "AS2",
    ):
        assert contrast(blocked(bad), documented()).log10_bf <= 0


def test_a_name_whose_neighbours_on_the_same_addresses_live_is_the_literal_that_is_named() -> None:
    found = contrast(blocked(lambda v, n: n == 3 and v.country == "KZ"), documented())
    assert found.targeting == ("name t3",)
    assert found.log10_bf <= MOST_IF_DOCUMENTED


# ---------------------------------------------------------------- the algebra, against brute force


@pytest.mark.parametrize(("failed", "lived"), [(0.0, 0.0), (3.0, 0.0), (2.5, 1.0), (0.25, 4.0)])
def test_the_marginal_likelihood_is_the_integral(failed: float, lived: float) -> None:
    total = np.array([failed + 1.5, lived + 6.25])

    def integral(prior: tuple[float, float], yes: float, no: float) -> float:
        a, b = prior
        norm = quad(lambda x: x ** (a - 1) * (1 - x) ** (b - 1), 0, 1)[0]
        return quad(lambda x: x ** (a - 1 + yes) * (1 - x) ** (b - 1 + no), 0, 1)[0] / norm

    expected = integral(MISS, lived, failed) * integral(LEAK, 1.5, 6.25)
    assert exp(log_likelihood(np.array([failed, lived]), total)) == pytest.approx(expected, rel=1e-6)


def random_world(seed: int) -> tuple[list, Plant]:
    """Give a few vantages on random elements, some with a second way."""
    draw = random.Random(seed)
    vantages = [vantage(f"v{n}", f"AS{draw.randint(1, 3)}", None, draw.choice(["fixed", "mobile"])) for n in range(6)]
    elements = [element(f"e{n}") for n in range(5)]
    lines = []
    for v in vantages:
        own = draw.sample(elements, 3)
        need = (frozenset({own[1]}), frozenset({own[2]})) if draw.random() < 0.5 else (frozenset({own[1]}),)
        lines.append(Line(who=Selector(vantage=v.vantage_id), needs=(*needs(own[0]), need), source="x"))
    off = {v.vantage_id for v in vantages if draw.random() < 0.5}
    return dark(off, vantages), Plant(lines=tuple(lines), complete="x")


@pytest.mark.parametrize("seed", range(12))
def test_the_sets_of_faults_are_all_of_them_with_the_votes_that_they_cut_off(seed: int) -> None:
    cells, plant = random_world(seed)
    votes = votes_of(cells)
    faults = faults_of(votes, plant)
    elements = {e for line in plant.lines for need in line.needs for way in need for e in way}

    def cut_off(fallen: set) -> tuple[bool, ...]:
        return tuple(
            any(all(way & fallen for way in need) for need in plant.needs_of(vote.vantage, is_home=vote.is_home))
            for vote in votes
        )

    rows = {}
    for row in range(len(faults.masks)):
        members = faults.of(row)
        if all(one.either[0] in elements for one in members):
            fallen = {one.either[0] for one in members}
            rows[frozenset(fallen)] = tuple(faults.masks[row])
            assert tuple(faults.masks[row]) == cut_off(fallen)
            assert faults.log_odds[row] == pytest.approx(
                sum(log(sum(e.prior / (1 - e.prior) for e in one.either)) for one in members)
            )
    candidates = elements & {e for one in faults.fallen for e in one.either}
    assert candidates
    for size in (1, 2, 3):
        for chosen in combinations(sorted(candidates), size):
            assert cut_off(set(chosen)) in rows.values() or not any(cut_off(set(chosen))), chosen


@pytest.mark.parametrize("seed", range(6))
def test_the_bayes_factor_is_the_ratio_of_the_sums(seed: int) -> None:
    """All sets and all lists are few here, so that nothing is left out but a third fault beside an order."""
    cells, plant = random_world(seed)
    weighed = unbounded(cells, plant)
    votes, faults, orders = weighed.votes, weighed.faults, weighed.orders
    if not orders.lists or not weighed.votes:
        pytest.skip("no rule names more of what failed in this world")

    def likelihood(explained: np.ndarray) -> float:
        d1, l1, d0, l0 = (
            sum((v.failed, v.lived)[which] for v, e in zip(votes, explained, strict=True) if e == inside)
            for inside in (True, False)
            for which in (0, 1)
        )
        return float(exp(log_likelihood(np.array([d1, l1]), np.array([d1 + d0, l1 + l0]))))

    nothing = exp(faults.log_nothing)
    sets = [(exp(o), m) for o, m in zip(faults.log_odds, faults.masks, strict=True)]
    small = [(o, m) for (o, m), size in zip(sets, faults.size, strict=True) if size < 3]
    damage = sum(odds * likelihood(mask) for odds, mask in sets) * nothing / (1 - nothing)
    targeting = sum(
        exp(prior) * nothing * (likelihood(mask) + sum(odds * likelihood(mask | other) for odds, other in small))
        for prior, mask in zip(orders.log_prior, orders.masks, strict=True)
    )
    assert weighed.log10_bf <= log10(targeting / damage) + 1e-9
    if len(orders.lists) <= contrasting.WITH_FAULTS // 2:
        assert weighed.log10_bf == pytest.approx(log10(targeting / damage), abs=1e-6)


@pytest.mark.parametrize("bad", [lambda v, n: n == 3, lambda v, n: v.network == "AS2" and n < 3])
def test_the_priors_of_rules_are_a_distribution_and_their_votes_those_that_they_name(bad: object) -> None:
    votes = votes_of(blocked(bad))
    orders = orders_of(votes)
    assert 0 < np.exp(orders.log_prior).sum() <= 1
    value_of = {
        "operator": lambda v: v.vantage.network,
        "bearer": lambda v: v.vantage.bearer,
        PLACE: lambda v: v.vantage.region,
        "name": lambda v: v.target,
        "service": lambda v: v.service,
        "address block": lambda v: v.address_blocks[0] if len(v.address_blocks) == 1 else None,
    }
    for rules, mask in zip(orders.lists, orders.masks, strict=True):
        named = [
            not vote.vantage.is_sentinel
            and any(
                all(value_of[a](vote) == value and vote.vantage.country == c for a, c, value in rule) for rule in rules
            )
            for vote in votes
        ]
        assert named == list(mask)
        assert sum(len(rule) for rule in rules) <= 3
        assert not any(all(attribute == PLACE for attribute, _, _ in rule) for rule in rules)


def test_the_smallest_cuts_are_the_smallest_sets_that_hit_every_way() -> None:
    draw = random.Random(7)
    pool = [element(f"e{n}") for n in range(7)]
    for _ in range(40):
        need = tuple(frozenset(draw.sample(pool, draw.randint(1, 3))) for _ in range(draw.randint(1, 4)))
        hits = [
            frozenset(chosen)
            for size in (1, 2, 3)
            for chosen in combinations(pool, size)
            if all(set(chosen) & way for way in need)
        ]
        least = {hit for hit in hits if not any(other < hit for other in hits)}
        assert set(cuts(need)) == least
        assert len(cuts(need)) <= sum(comb(7, k) for k in (1, 2, 3))


# ---------------------------------------------------------------- order


def test_the_order_of_the_cells_changes_nothing() -> None:
    cells = [*dark({*MOBILE_IN_A, "AS1-C-0"})]
    expected = contrast(cells, documented())
    for seed in range(4):
        random.Random(seed).shuffle(cells)
        assert contrast(cells, documented()) == expected


def test_the_same_comes_out_under_any_hash_seed() -> None:
    script = (
        "from analysis.causes.contrast import contrast\n"
        "from tests.analysis.causes.plants import *\n"
        "print(contrast(dark({*at(bearer='mobile'), 'AS1-C-0'}), documented()))\n"
        "print(contrast(blocked(lambda v, n: n in (1, 3)), apart('AS1', 'AS2')))\n"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[3])},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(said) == 1
    assert b"Contrast(" in said.pop()


def test_a_sentinel_is_reached_by_no_rule() -> None:
    votes = votes_of(
        [*dark({"AS2-A-0"}), *(replace(c, failed=3, is_dark=True) for c in dark(()) if c.vantage == SENTINEL)]
    )
    of_sentinel = [vote.vantage.is_sentinel for vote in votes]
    assert not orders_of(votes).masks[:, of_sentinel].any()
