"""Slots: a grid that every vantage shares, and no slot lost in silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from probe.slots import MOST_MISSED_ROWS, Look, Missed, missed_slots, next_slot, slot_of, step_between

NOON = datetime(2011, 12, 16, 12, 0, tzinfo=UTC)
QUARTER_S = 900.0


@pytest.mark.parametrize(
    ("moment", "slot"),
    [
        (NOON, NOON),
        (NOON + timedelta(seconds=899.999), NOON),
        (NOON + timedelta(minutes=15), NOON + timedelta(minutes=15)),
        (NOON - timedelta(microseconds=1), NOON - timedelta(minutes=15)),
    ],
)
def test_moment_lies_in_the_slot_that_began_last(moment: datetime, slot: datetime) -> None:
    assert slot_of(moment, QUARTER_S) == slot


def test_next_slot_is_never_the_current_one() -> None:
    assert next_slot(NOON, QUARTER_S) == NOON + timedelta(minutes=15)


def test_slots_in_a_row_lose_nothing() -> None:
    assert missed_slots(NOON, NOON + timedelta(minutes=15), QUARTER_S) == []


def test_first_slot_ever_follows_no_gap() -> None:
    assert missed_slots(None, NOON, QUARTER_S) == []


def test_clock_that_went_back_loses_nothing() -> None:
    assert missed_slots(NOON, NOON - timedelta(hours=1), QUARTER_S) == []


def test_every_slot_of_a_gap_is_listed_once_and_in_order() -> None:
    gap = missed_slots(NOON, NOON + timedelta(hours=1), QUARTER_S)
    assert gap == [NOON + timedelta(minutes=15 * i) for i in (1, 2, 3)]


def test_gap_after_a_leap_of_years_is_bounded_and_keeps_the_newest() -> None:
    current = NOON + timedelta(days=4000)
    gap = missed_slots(NOON, current, QUARTER_S)
    assert len(gap) == MOST_MISSED_ROWS
    assert gap[-1] == current - timedelta(minutes=15)


@pytest.mark.parametrize(
    ("wall_s", "mono_s", "suspended_s", "reason"),
    [
        (15.0, 15.0, 0.0, None),
        (15.4, 15.0, 0.0, None),  # slewed by a time daemon
        (86_415.0, 15.0, 0.0, Missed.CLOCK_STEPPED),
        (-3585.0, 15.0, 0.0, Missed.CLOCK_STEPPED),
        (28_815.0, 15.0, 28_800.0, Missed.ASLEEP),  # eight hours with the lid closed
        (900.0, 900.0, 0.0, None),  # frozen (SIGSTOP): both clocks ran on
        (28_800.0 + 86_415.0, 15.0, 28_800.0, Missed.CLOCK_STEPPED),  # slept, and woke on the wrong day
    ],
)
def test_what_moved_the_wall_clock_is_told_apart(
    wall_s: float, mono_s: float, suspended_s: float, reason: Missed | None
) -> None:
    before = Look(NOON, 100.0, 5.0)
    after = Look(NOON + timedelta(seconds=wall_s), 100.0 + mono_s, 5.0 + suspended_s)
    assert step_between(before, after) is reason
