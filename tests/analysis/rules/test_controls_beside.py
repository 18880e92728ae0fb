"""A control that fails beside the anomaly: the path is not as clean as the first and the last round say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.analyse import conclude
from tests.analysis.fact_builder import RESET, TIMEOUT, CycleBuilder, failed, http, sentinel_cycle, tcp, tls

if TYPE_CHECKING:
    from analysis.analyse import Judged
    from analysis.facts import Step

NEWS = "news.example.com"
LEANING = [("sni", "helper", RESET, None)] * 6  # E of some tens: enough to suspect on a clean path alone
CALM = [("sni", "helper", None, None)] * 6


def beside(*steps: Step) -> list[Step]:
    return [replace(step, technique="controls", variant="example.org") for step in steps]


def judged(closer: list[Step]) -> Judged:
    cycle = CycleBuilder().controls().add(NEWS, failed("tls", RESET), pairs=LEANING, closer=closer).build()
    found = conclude([cycle, sentinel_cycle(pairs=CALM)]).judged
    return next(j for j in found if j.facts.measurement.vantage_id == "almaty" and j.facts.measurement.target == NEWS)


def test_pairs_that_lean_are_suspected_while_every_control_answers() -> None:
    assert judged(beside(tcp(), tls(), http())).decision.state == "suspected"
    assert judged([]).decision.state == "suspected"


def test_pairs_that_lean_are_not_while_a_control_fails_beside_them() -> None:
    found = judged(beside(tcp(), tls(failure=TIMEOUT)))
    assert found.decision.state == "insufficient"
    assert "controls.beside_failed" in {item.rule for item in found.evidence}
