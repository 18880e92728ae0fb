"""The matrix and the shape of a rule: what is shown beside the evidence, and that it accuses nobody by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from analysis.analyse import conclude
from analysis.rules import shape
from analysis.states import STATE_TABLE, State
from tests.analysis.fact_builder import RESET, CycleBuilder, failed, sentinel_cycle, tls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.analyse import Judged
    from tests.analysis.fact_builder import PairSpec

NEWS = "news.example.com"
ALL = (
    *("target", "scramble", "no-sni", "case", "split", "records", "www", "under"),
    *("glued", "appended", "ech", "parent", "short", "long"),
)


def judged(trials: Mapping[str, Sequence[str | None]], pairs: Sequence[PairSpec] = ()) -> Judged:
    """Judge a failing target with trials of the technique: the failure of each, by variant."""
    built = CycleBuilder().controls().portal_check().add(NEWS, failed("tls", RESET), pairs=pairs).build()
    *others, measurement = built.measurements
    closer = tuple(
        replace(
            tls(failure=failure),
            technique="shape",
            variant=variant,
            is_peer_hello_received=failure != RESET,
        )
        for variant, failures in trials.items()
        for failure in failures
    )
    cycle = replace(built, measurements=(*others, replace(measurement, closer=closer)))
    return next(
        j
        for j in conclude([cycle, sentinel_cycle()]).judged
        if j.facts.measurement.vantage_id == "almaty" and j.facts.measurement.target == NEWS
    )


def rules_of(judgement: Judged, prefix: str = "") -> set[str]:
    return {evidence.rule for evidence in judgement.evidence if evidence.rule.startswith(prefix)}


def trials(*dead: str, peer: str = "helper") -> dict[str, list[str | None]]:
    return {f"{peer}/{name}": [RESET if name in dead else None] * 3 for name in ALL}


# Of the pairs: how many trials of each cell fail.
def cells(target: bool, target_scramble: bool, named: bool, scramble: bool) -> list[PairSpec]:
    def failure(is_dead: bool) -> str | None:
        return RESET if is_dead else None

    return [("sni", "target", failure(target), failure(target_scramble))] * 3 + [
        ("sni", "helper", failure(named), failure(scramble))
    ] * 3


@pytest.mark.parametrize(
    ("pairs", "rule"),
    [
        (cells(True, False, True, False), "matrix.name"),
        (cells(True, False, False, False), "matrix.destination"),
        (cells(True, True, False, False), "matrix.address"),
        (cells(True, True, True, False), "matrix.residual"),
        (cells(True, True, True, True), "matrix.path"),
        (cells(False, False, False, False), None),
        (cells(False, True, False, True), None),
        (cells(True, False, True, False)[1:], None),  # two trials at the target: not enough
    ],
)
def test_the_four_cells_are_read_as_the_table_says(pairs: list[PairSpec], rule: str | None) -> None:
    assert rules_of(judged({}, pairs), "matrix.") == ({rule} if rule else set())


def test_a_cell_of_which_some_live_and_some_do_not_says_nothing() -> None:
    pairs = [*cells(True, False, True, False), ("sni", "helper", None, None), ("sni", "target", None, None)]
    assert rules_of(judged({}, pairs), "matrix.") == set()


@pytest.mark.parametrize(
    ("dead", "shown"),
    [
        ({"target", "case", "split", "records", "www", "under"}, {"shape.suffix"}),
        ({"target"}, {"shape.exact_name", "shape.case_evades", "shape.split_evades", "shape.records_evade"}),
        ({"target", "case", "split", "records", "www", "under", "glued"}, {"shape.ending"}),
        ({"target", "case", "split", "records", "www", "under", "glued", "appended"}, {"shape.anywhere"}),
        ({"target", "case", "split", "records", "www", "under", "parent"}, {"shape.suffix", "shape.parent"}),
        ({"target", "case", "split", "records", "under", "no-sni"}, {"shape.suffix", "shape.no_name_fails"}),
    ],
)
@pytest.mark.parametrize("peer", ["helper", "target"])
def test_the_variants_that_die_give_the_rules_shape(dead: set[str], shown: set[str], peer: str) -> None:
    assert rules_of(judged(trials(*dead, peer=peer)), "shape.") == shown


def test_where_the_scramble_dies_too_there_is_no_rule_and_no_shape() -> None:
    assert rules_of(judged(trials("target", "scramble", "under")), "shape.") == set()


def test_where_the_name_itself_lives_there_is_no_rule_and_no_shape() -> None:
    assert rules_of(judged(trials("under", "glued", "parent", "no-sni")), "shape.") == set()


def test_two_trials_of_a_variant_are_not_enough() -> None:
    few = {variant: failures[:2] for variant, failures in trials("target", "under").items()}
    assert rules_of(judged(few), "shape.") == set()


def test_a_hello_with_encryption_that_is_answered_came_through_although_it_cannot_be_finished() -> None:
    answered = {**trials(), "helper/ech": ["ssl_failed_handshake"] * 3}
    assert "shape.ech_fails" not in rules_of(judged(answered))
    assert "shape.ech_fails" in rules_of(judged(trials("ech")))


def test_long_innocuous_names_that_die_show_a_way_that_reads_sizes() -> None:
    assert "path.long_names" in rules_of(judged(trials("long")))
    assert "path.long_names" not in rules_of(judged(trials("long", "short")))


def test_no_shape_and_no_matrix_decides_any_state() -> None:
    in_table = {rule for row in STATE_TABLE for rule in row.rules}
    assert not in_table & {*shape.MATRIX, *shape.SHAPES, "shape.ech_fails", "path.long_names"}
    judgement = judged(trials("target", "under"), cells(True, False, True, False))
    assert {"matrix.name", "shape.suffix"} <= rules_of(judgement)
    assert judgement.decision.state in {State.INSUFFICIENT, State.SUSPECTED}
