"""Grades: right, weaker, missed, and the one that must never be."""

from __future__ import annotations

import pytest

from lab.scenario import Truth
from lab.score import Grade, grade, is_mechanism_right


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
