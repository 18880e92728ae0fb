"""Events: found, weaker, wrong, missed; and those that accuse and never happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analysis.evaluate.event_match import EventGrade, is_borne_out, is_by_somebody, match_events
from analysis.evaluate.truth import TrueEvent

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


def test_a_rule_on_a_name_bears_out_no_shutdown() -> None:
    """The same place dark by a cut, and a name blocked in it: whoever says `shutdown` accuses falsely."""
    dark = true("damage", accept=("dark-undetermined",))
    assert [e.cause for e in match_events([told("shutdown")], [true(), dark]).false] == ["shutdown"]
    assert not match_events([told("shutdown")], [true("shutdown")]).false
    assert not match_events([told("selective-blocking")], [true(), dark]).false


def test_an_event_that_is_its_own_truth_is_no_wrong_word_for_another() -> None:
    """Loss that nobody told of is missed; that the block beside it was told is no mistake about the loss."""
    found = match_events([told()], [true(), true("damage")])
    assert [event.grade for event in found.events] == [EventGrade.FOUND, EventGrade.MISSED]


def test_a_cause_is_borne_out_by_a_truth_that_has_or_accepts_it() -> None:
    assert is_borne_out(told(), [true()])
    assert is_borne_out(told("vantage-local"), [true("damage", accept=("vantage-local",))])
    assert not is_borne_out(told("vantage-local"), [true("damage")])
    assert not is_borne_out(told(onset=70, end=80), [true()])


def test_somebody_did_it_whatever_it_is_called() -> None:
    assert is_by_somebody(told("dark-undetermined"), [true("shutdown")])
    assert not is_by_somebody(told("dark-undetermined"), [true("damage")])
