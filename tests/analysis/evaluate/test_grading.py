"""Mechanisms are held against the truth along their paths."""

from __future__ import annotations

from analysis.evaluate.grading import ancestry


def test_a_path_stands_for_itself_and_all_above_it() -> None:
    assert ancestry(["tls.reset.sni", "dns"]) == {"tls", "tls.reset", "tls.reset.sni", "dns"}
    assert ancestry([]) == frozenset()
