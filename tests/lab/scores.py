"""Builders of scores, for the tests of what is made of them."""

from __future__ import annotations

from typing import Any

from analysis.evaluate.event_match import EventGrade, GradedEvent
from analysis.evaluate.grading import grade
from analysis.evaluate.truth import CAUSE_OF_STATE
from lab.score import Graded, Score
from lab.truth import Truth


def graded(truth: str = "ok", state: str = "ok", *, slot: int = 1, **other: Any) -> Graded:
    given: dict[str, Any] = {
        "vantage": "a",
        "target": "social",
        "slot": slot,
        "is_control": False,
        "truth": truth,
        "state": state,
        "grade": grade(Truth(state=truth), state),
        "cause": CAUSE_OF_STATE.get(truth),
        "mechanism": None,
        "mechanisms": (),
        "rules": (),
    }
    return Graded(**{**given, **other})


def happened(cause: str = "selective-blocking", named: str | None = None, **other: Any) -> GradedEvent:
    given: dict[str, Any] = {
        "name": "the rule",
        "cause": cause,
        "grade": EventGrade.FOUND if named == cause else EventGrade.WRONG if named else EventGrade.MISSED,
        "named": named,
        "onset_delay_s": 60.0 if named else None,
        "alerts": 1 if named else 0,
    }
    return GradedEvent(**{**given, **other})


def scored(*measured: Graded, **other: Any) -> Score:
    given: dict[str, Any] = {
        "scenario": "sni-reset",
        "family": "blocking",
        "seed": 0,
        "graded": measured,
        "innocent_controls": 0,
        "events": (),
        "false_events": (),
        "decisions": (),
        "pairs_to_decision": {},
        "cycle_seconds": (),
        "cycle_bytes": (),
        "wall_seconds": 1.0,
    }
    return Score(**{**given, **other})
