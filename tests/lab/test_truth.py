"""The truth as events: what belongs together, when it began, and whether it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.during import During
from lab.truth import Truth, events_of
from probe.model import Target, TargetKind

SLOTS = [datetime(2026, 3, 2, 6, tzinfo=UTC) + timedelta(minutes=15 * i) for i in range(6)]
VANTAGES = ("a", "b", "sentinel")


def target(name: str, service: str) -> Target:
    return Target(name=name, service=service, url=f"https://{service}.example/", kind=TargetKind.TARGET)


TARGETS = (target("video/1", "video"), target("video/2", "video"), target("news", "news"))


def blocked(first: int, last: int | None, **how: Any) -> Truth:
    return Truth(**{"state": "blocked", "cause": "selective-blocking", "during": During(first=first, last=last), **how})


def events(*truths: Truth) -> Any:
    return events_of(truths, VANTAGES, TARGETS, SLOTS)


def test_an_event_begins_with_its_first_slot_and_ends_with_the_first_that_is_free() -> None:
    (event,) = events(blocked(2, 3))
    assert (event.onset, event.end) == (SLOTS[1], SLOTS[3])


@pytest.mark.parametrize("last", [None, 6, 9])
def test_what_lasts_to_the_end_has_no_end(last: int | None) -> None:
    (event,) = events(blocked(2, last))
    assert event.end is None


def test_times_are_kept_to_the_minute_though_no_slot_is_there() -> None:
    onset, end = SLOTS[0] + timedelta(minutes=4), SLOTS[2] + timedelta(minutes=1)
    (event,) = events(blocked(1, None, during=During(start=onset, end=end)))
    assert (event.onset, event.end) == (onset, end)


def test_entries_of_one_event_are_one_whose_scope_is_theirs_together() -> None:
    parts = [
        blocked(
            3, 4, vantages=frozenset("a"), targets=frozenset({"news"}), event="register", mechanism="tls.reset.sni"
        ),
        blocked(2, 2, vantages=frozenset("b"), targets=frozenset({"video/1"}), event="register", mechanism="dns"),
        blocked(1, 1, vantages=frozenset("a"), targets=frozenset({"news"})),
    ]
    alone, joined = events(*parts)
    assert (joined.name, joined.onset, joined.end) == ("register", SLOTS[1], SLOTS[4])
    assert joined.vantages == {"a", "b"}
    assert joined.targets == {"news", "video/1"}
    assert joined.mechanisms == {"tls.reset.sni", "dns"}
    assert (alone.onset, alone.end) == (SLOTS[0], SLOTS[1])


def test_an_event_goes_on_while_one_of_its_parts_does() -> None:
    (event,) = events(blocked(1, 2, event="x"), blocked(2, None, event="x"))
    assert event.end is None


def test_a_service_stands_for_its_targets_and_nothing_for_all() -> None:
    of_service, of_all = events(blocked(1, None, targets=frozenset({"video"})), blocked(2, None))
    assert of_service.targets == {"video/1", "video/2"}
    assert of_all.targets == {"video/1", "video/2", "news"}
    assert of_all.vantages == set(VANTAGES)


def test_entries_without_a_cause_and_those_that_never_hold_are_no_events() -> None:
    never = During(start=SLOTS[-1] + timedelta(days=1))
    assert events(Truth(state="ok"), Truth(state="insufficient"), blocked(1, None, during=never)) == ()


def test_a_part_that_never_holds_adds_nothing_to_its_event() -> None:
    never = During(start=SLOTS[-1] + timedelta(days=1))
    (event,) = events(
        blocked(1, 2, vantages=frozenset("a"), event="x"),
        blocked(1, 1, during=never, vantages=frozenset("b"), event="x"),
    )
    assert event.vantages == {"a"}


def test_events_come_in_the_order_of_their_onset() -> None:
    assert [event.onset for event in events(blocked(4, 4), blocked(1, 1), blocked(3, 3))] == [
        SLOTS[0],
        SLOTS[2],
        SLOTS[3],
    ]


@pytest.mark.parametrize(
    ("vantage", "name", "number", "is_meant"),
    [("a", "video/1", 2, True), ("b", "video/1", 2, False), ("a", "news", 2, False), ("a", "video/2", 1, False)],
)
def test_an_entry_speaks_of_its_vantages_targets_and_slots(
    vantage: str, name: str, number: int, is_meant: bool
) -> None:
    entry = blocked(2, 3, vantages=frozenset("a"), targets=frozenset({"video"}))
    one = next(t for t in TARGETS if t.name == name)
    assert entry.concerns(vantage, one, number, SLOTS) is is_meant
