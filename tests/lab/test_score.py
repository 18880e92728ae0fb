"""Grades: right, weaker, missed, and the one that must never be; and what a decision takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from analysis.evaluate.grading import Grade, grade, is_mechanism_right
from lab.score import UNMEASURED, Cost, Decision, decisions
from lab.truth import Truth
from tests.lab.scores import graded

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
SLOTS = tuple(START + timedelta(minutes=15) * number for number in range(5))


@pytest.mark.parametrize("state", ["blocked", "suspected", "tampered", "throttled"])
@pytest.mark.parametrize("true", ["ok", "down", "dark", "local", "withheld", "insufficient"])
def test_to_accuse_where_nobody_did_it_is_a_false_accusation(true: str, state: str) -> None:
    assert grade(Truth(state=true), state) is Grade.FALSE_ACCUSATION


@pytest.mark.parametrize(
    ("truth", "state", "expected"),
    [
        (Truth(state="blocked"), "blocked", Grade.RIGHT),
        (Truth(state="blocked", accept=frozenset({"suspected"})), "suspected", Grade.WEAKER),
        (Truth(state="blocked"), "insufficient", Grade.WEAKER),
        (Truth(state="blocked"), "ok", Grade.MISSED),
        (Truth(state="blocked"), "down", Grade.MISSED),
        (Truth(state="blocked"), "tampered", Grade.MISSED),
        (Truth(state="dark", accept=frozenset({"local"})), "local", Grade.WEAKER),
        (Truth(state="dark"), "ok", Grade.MISSED),
        (Truth(state="ok"), "dark", Grade.MISSED),
        (Truth(state="ok"), UNMEASURED, Grade.MISSED),
    ],
)
def test_a_state_is_graded_by_what_the_truth_accepts(truth: Truth, state: str, expected: Grade) -> None:
    assert grade(truth, state) is expected


def test_an_ancestor_or_a_descendant_of_the_true_mechanism_is_right_and_a_cousin_is_not() -> None:
    assert is_mechanism_right("tls.reset.sni", ["tls.reset"])
    assert is_mechanism_right("dns.injection", ["tcp", "dns.injection.bogon"])
    assert not is_mechanism_right("tls.reset.sni", ["tls.timeout.sni"])
    assert not is_mechanism_right("tls.reset", ["tls.reset_by_peer"])
    assert not is_mechanism_right("tls.reset", [])


def costs(*slots: int, seconds: float = 20.0, size: int = 1000) -> dict[tuple[str, int], Cost]:
    return {("a", slot): Cost(SLOTS[slot - 1] + timedelta(seconds=seconds), seconds, size) for slot in slots}


def test_a_decision_runs_from_the_first_slot_of_the_act_to_the_end_of_the_first_cycle_that_tells() -> None:
    series = [
        graded(slot=1, truth="ok", state="ok"),
        graded(slot=2, truth="blocked", state="insufficient", mechanism="tls.reset.sni"),
        graded(slot=3, truth="blocked", state="blocked", mechanism="tls.reset.sni"),
        graded(slot=4, truth="blocked", state="blocked", mechanism="tls.reset.sni"),
    ]
    (decision,) = decisions(
        series, SLOTS, costs(1, 2, 3, 4), {"a social host": 40, "a social sni": 13, "b social sni": 5}
    )
    assert decision == Decision(
        vantage="a",
        target="social",
        truth="blocked",
        mechanism="tls.reset.sni",
        seconds=15 * 60 + 20,
        bytes=2000,
        pairs=13,
    )


def test_what_is_never_told_takes_no_finite_time() -> None:
    (decision,) = decisions([graded(slot=2, truth="blocked", state="ok")], SLOTS, costs(2), {})
    assert (decision.seconds, decision.bytes, decision.pairs) == (None, None, None)


def test_where_nobody_acts_there_is_nothing_to_decide() -> None:
    assert list(decisions([graded(slot=1, truth="down", state="blocked")], SLOTS, costs(1), {})) == []


@pytest.mark.parametrize(
    ("truth", "mechanism", "expected"),
    [
        ("blocked", "tls.reset.sni", True),
        ("blocked", "http.reset", True),
        ("blocked", "dns.nxdomain", False),
        ("blocked", "tcp.timeout", False),
        ("tampered", "tls.forged", False),
        ("blocked", None, False),
    ],
)
def test_pairs_are_asked_of_rules_that_read_a_name_inside_the_connection(
    truth: str, mechanism: str | None, expected: bool
) -> None:
    (decision,) = decisions([graded(slot=1, truth=truth, state="ok", mechanism=mechanism)], SLOTS, {}, {})
    assert decision.can_pairs_show_it is expected
