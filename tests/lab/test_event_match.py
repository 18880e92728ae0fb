"""Events: found, weaker, wrong, missed; and those that accuse and never happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.event_match import EventGrade, match_events
from lab.truth import TrueEvent

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def true(cause: str = "selective-blocking", *, end: float | None = 60, accept: tuple[str, ...] = ()) -> TrueEvent:
    return TrueEvent(
        name="the rule",
        cause=cause,
        vantages=frozenset({"a", "b"}),
        targets=frozenset({"social/home"}),
        onset=at(10),
        end=None if end is None else at(end),
        mechanisms=frozenset(),
        accept=frozenset(accept),
    )


def told(
    cause: str = "selective-blocking",
    *,
    vantages: tuple[str, ...] = ("a",),
    target: str = "social/home",
    onset: float = 15,
    end: float | None = 45,
) -> dict[str, Any]:
    return {
        "cause": cause,
        "scope": {"vantages": list(vantages), "networks": [], "regions": [], "services": ["social"],
                  "targets": [target]},
        "onset": [None, at(onset).isoformat().replace("+00:00", "Z")],
        "end": None if end is None else [at(end).isoformat(), at(end + 15).isoformat()],
        "mechanisms": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "accept", "grade"),
    [
        ([told()], (), EventGrade.FOUND),
        ([told("insufficient"), told()], (), EventGrade.FOUND),
        ([told("dark-undetermined")], (), EventGrade.WEAKER),
        ([told("insufficient")], (), EventGrade.WEAKER),
        ([told("tampering")], ("tampering",), EventGrade.WEAKER),
        ([told("tampering")], (), EventGrade.WRONG),
        ([told("vantage-local"), told("insufficient")], (), EventGrade.WEAKER),
        ([], (), EventGrade.MISSED),
        ([told(vantages=("c",))], (), EventGrade.MISSED),
        ([told(target="news/home")], (), EventGrade.MISSED),
        ([told(onset=60)], (), EventGrade.MISSED),
        ([told(onset=1, end=9)], (), EventGrade.MISSED),
        ([told(onset=1, end=10)], (), EventGrade.FOUND),
        ([told(onset=1, end=None)], (), EventGrade.FOUND),
    ],
)
def test_an_event_is_graded_by_the_nearest_cause_that_shares_its_scope_and_time(
    found: list[dict[str, Any]], accept: tuple[str, ...], grade: EventGrade
) -> None:
    (event,) = match_events(found, [true(accept=accept)]).events
    assert event.grade is grade


def test_the_onset_delay_runs_from_the_true_onset_to_the_first_look_that_was_bad() -> None:
    (event,) = match_events([told(onset=25), told(onset=15, vantages=("b",))], [true()]).events
    assert event.onset_delay_s == 5 * 60


def test_a_missed_event_has_no_delay_and_no_name() -> None:
    (event,) = match_events([], [true()]).events
    assert event.onset_delay_s is None
    assert event.named is None


def test_events_that_name_nothing_are_no_alerts() -> None:
    found = [told(), told(vantages=("b",)), told("dark-undetermined"), told("insufficient")]
    (event,) = match_events(found, [true()]).events
    assert event.alerts == 3


@pytest.mark.parametrize("cause", ["selective-blocking", "throttling", "tampering", "shutdown"])
def test_to_tell_of_an_act_where_nobody_acted_is_a_false_event(cause: str) -> None:
    score = match_events([told(cause)], [true("damage")])
    (false,) = score.false
    assert (false.cause, false.vantages, false.targets) == (cause, ("a",), ("social/home",))
    assert score.events[0].grade is EventGrade.WRONG


@pytest.mark.parametrize("cause", ["dark-undetermined", "vantage-local", "target-down", "withholding", "insufficient"])
def test_an_event_that_accuses_nobody_is_never_false(cause: str) -> None:
    assert match_events([told(cause)], []).false == ()


def test_an_act_told_under_another_accusing_cause_is_wrong_but_not_false() -> None:
    score = match_events([told("throttling")], [true()])
    assert score.false == ()
    assert score.events[0].grade is EventGrade.WRONG


def test_what_the_truth_accepts_is_not_false() -> None:
    assert match_events([told()], [true("withholding", accept=("selective-blocking",))]).false == ()
    assert match_events([told(onset=70, end=None)], [true("withholding", accept=("selective-blocking",))]).false != ()


def test_an_event_without_end_is_still_there_later() -> None:
    (event,) = match_events([told(onset=500, end=None)], [true(end=None)]).events
    assert event.grade is EventGrade.FOUND
