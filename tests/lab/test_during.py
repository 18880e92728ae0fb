"""When something holds: slots, times, hours of the day, turns, and seconds within a slot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.during import ALWAYS, WHEN_KEYS, WITHIN_KEY, During, when
from probe.errors import UserError
from probe.schedule.yaml_reader import Record, parse

READ = Record(when, {**WHEN_KEYS, **WITHIN_KEY})
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


def written(yaml: str) -> During:
    during: During = parse(yaml.encode(), "test.yaml", READ)
    return during


def every(minutes: int, count: int, start: datetime = MIDNIGHT) -> list[datetime]:
    return [start + timedelta(minutes=minutes * i) for i in range(count)]


def held(yaml: str, slots: list[datetime]) -> list[int]:
    """The numbers of the slots in which it holds."""
    during = written(yaml)
    return [number for number in range(1, len(slots) + 1) if during.holds(number, slots)]


@pytest.mark.parametrize(
    ("yaml", "numbers"),
    [
        ("{}", [1, 2, 3, 4]),
        ("during: 2", [2]),
        ("during: 2-3", [2, 3]),
        ("during: 3-", [3, 4]),
        ("during: 4-9", [4]),
        ("during: 2026-03-02T00:15Z/", [2, 3, 4]),
        ("during: /2026-03-02T00:30Z", [1, 2]),
        ("during: 2026-03-02T00:15Z/2026-03-02T00:45Z", [2, 3]),
        ("during: 2026-03-02T05:15+05:00/2026-03-02T05:45+05:00", [2, 3]),
        ("during: 2026-03-02T00:16Z/2026-03-02T00:29Z", []),
    ],
)
def test_slots_and_times_bound_it(yaml: str, numbers: list[int]) -> None:
    assert held(yaml, every(15, 4)) == numbers


def hours(yaml: str) -> set[int]:
    """The hours, of two days, in which it holds."""
    return {number - 1 for number in held(yaml, every(60, 48))}


@pytest.mark.parametrize(
    ("daily", "of_each_day"),
    [
        ("06:00Z/09:00Z", {6, 7, 8}),
        ("22:00Z/02:00Z", {22, 23, 0, 1}),
        ("00:00Z/06:00Z", {0, 1, 2, 3, 4, 5}),
        ("22:00Z/00:00Z", {22, 23}),
        ("22:00+05:00/06:00+05:00", {17, 18, 19, 20, 21, 22, 23, 0}),
        ("02:00+05:00/04:00+05:00", {21, 22}),
        ("20:00-06:00/21:00-06:00", {2}),
        ("23:30Z/00:30Z", {0}),
    ],
)
def test_some_hours_of_each_day_over_midnight_and_in_any_zone(daily: str, of_each_day: set[int]) -> None:
    assert hours(f"daily: {daily}") == {hour + day for hour in of_each_day for day in (0, 24)}


def test_a_daily_curfew_is_kept_to_the_second() -> None:
    slots = [MIDNIGHT + timedelta(hours=22, seconds=second) for second in (-1, 0, 29, 30)]
    assert held("daily: 22:00Z/22:00:30Z", slots) == [2, 3]


def test_hours_of_the_day_are_kept_within_the_bounds() -> None:
    assert hours("{during: 2026-03-02T23:00Z/2026-03-03T05:00Z, daily: 22:00Z/02:00Z}") == {23, 24, 25}


@pytest.mark.parametrize(
    ("during", "begins"), [("1-", 0), ("21-", 20), ("2026-03-02T00:20Z/", 20), ("2026-03-01T23:30Z/", -30)]
)
def test_it_is_in_force_first_and_open_afterwards_in_turns_from_its_onset(during: str, begins: int) -> None:
    minutes = {number - 1 for number in held(f"{{during: {during}, duty: {{open: 17m, every: 50m}}}}", every(1, 300))}
    assert minutes == {minute for minute in range(300) if minute >= begins and (minute - begins) % 50 < 33}


def test_seconds_within_a_slot_count_from_its_beginning_and_in_its_slots_alone() -> None:
    during, slots = written("{during: 2, within: 3s/10s}"), every(15, 3)
    assert [during.holds(2, slots, seconds) for seconds in (0, 2.9, 3, 9.9, 10)] == [False, False, True, True, False]
    assert not during.holds(1, slots, 5.0)


@pytest.mark.parametrize(
    "yaml",
    [
        "during: 0",
        "during: 3-2",
        "during: 2026-03-02T06:00/",
        "during: 2026-03-02T06:00Z/2026-03-02T06:00Z",
        "during: soon",
        "daily: 22:00/06:00",
        "daily: 22:00Z/22:00Z",
        "daily: 22:00Z/03:00+05:00",
        "daily: 22:00Z",
        "daily: 25:00Z/06:00Z",
        "duty: {open: 50m, every: 50m}",
        "duty: {open: 5m}",
        "within: 10s/3s",
        "within: 3s",
        "within: 3s/1000s",
        "within: nan/3s",
        "within: 0s/inf",
    ],
)
def test_what_never_or_nowhere_holds_is_refused(yaml: str) -> None:
    with pytest.raises(UserError, match=r"test\.yaml:1: key '"):
        written(yaml)


# ---------------------------------------------------------------- properties

MINUTES = st.integers(0, 3 * 24 * 60)
TIMES_OF_DAY = st.builds(lambda minute: f"{minute // 60:02}:{minute % 60:02}Z", st.integers(0, 24 * 60 - 1))


@st.composite
def stretches(draw: Any) -> During:
    """Any combination of what can be written."""
    keys = []
    kind = draw(st.sampled_from(["slots", "times", "none"]))
    if kind == "slots":
        first = draw(st.integers(1, 40))
        last = draw(st.one_of(st.just(""), st.integers(first, 60)))
        keys.append(f"during: {first}-{last}")
    elif kind == "times":
        start = MIDNIGHT + timedelta(minutes=draw(MINUTES))
        end = draw(st.one_of(st.none(), st.integers(1, 3000)))
        until = f"{start + timedelta(minutes=end):%Y-%m-%dT%H:%MZ}" if end else ""
        keys.append(f"during: {start:%Y-%m-%dT%H:%MZ}/{until}")
    if draw(st.booleans()):
        one, other = draw(st.lists(TIMES_OF_DAY, min_size=2, max_size=2, unique=True))
        keys.append(f"daily: {one}/{other}")
    if draw(st.booleans()):
        turn = draw(st.integers(2, 300))
        keys.append(f"duty: {{open: {draw(st.integers(1, turn - 1))}m, every: {turn}m}}")
    return written("{" + ", ".join(keys) + "}")


SLOTS = st.builds(every, st.sampled_from([1, 7, 15, 60, 333]), st.integers(1, 60))


@given(stretches(), SLOTS, st.integers(0, 60 * 24 * 60))
def test_what_is_shifted_holds_in_the_same_slots_shifted(during: During, slots: list[datetime], minutes: int) -> None:
    by = timedelta(minutes=minutes)
    later = [slot + by for slot in slots]
    numbers = range(1, len(slots) + 1)
    assert [during.shifted(by).holds(n, later) for n in numbers] == [during.holds(n, slots) for n in numbers]


@given(stretches(), SLOTS)
def test_it_never_holds_before_its_onset_or_from_its_ending_on(during: During, slots: list[datetime]) -> None:
    times = [slot for number, slot in enumerate(slots, 1) if during.holds(number, slots)]
    ending = during.ending(slots)
    assert all(during.onset(slots) <= slot for slot in times)
    assert all(ending is None or slot < ending for slot in times)


@given(st.integers(2, 200), st.data())
def test_over_whole_turns_it_is_open_for_just_its_share(turn: int, data: st.DataObject) -> None:
    is_open = data.draw(st.integers(1, turn - 1))
    during = written(f"duty: {{open: {is_open}m, every: {turn}m}}")
    slots = every(1, 3 * turn)
    assert sum(during.holds(n, slots) for n in range(1, len(slots) + 1)) == 3 * (turn - is_open)


@given(SLOTS, st.floats(0, 1000))
def test_without_a_word_it_always_holds(slots: list[datetime], seconds: float) -> None:
    assert all(ALWAYS.holds(number, slots, seconds) for number in range(1, len(slots) + 1))
    assert ALWAYS.onset(slots) == slots[0]
    assert ALWAYS.ending(slots) is None
