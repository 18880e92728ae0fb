"""The reconstructions hold to the records: what is known of each must follow from its file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from lab import scenario_file

if TYPE_CHECKING:
    from lab.scenario import Scenario
    from probe.model import Target

TOWN = {"zhanaozen-fixed", "zhanaozen-outskirts", "zhanaozen-mobile", "zhanaozen-mobile-two"}
WEEKS = {"zhanaozen-2011": timedelta(), "zhanaozen-today": date(2025, 12, 16) - date(2011, 12, 16)}


def target(scenario: Scenario, service: str) -> Target:
    return next(one for one in scenario.schedule.targets if one.service == service)


def state(scenario: Scenario, vantage: str, service: str, number: int) -> str:
    return scenario.truth_of(vantage, target(scenario, service), number).state


@pytest.fixture(params=WEEKS)
def week(request: pytest.FixtureRequest) -> Scenario:
    return scenario_file.load(request.param)


def test_the_press_is_still_blocked_in_town_and_country_when_all_else_is_back(week: Scenario) -> None:
    last = len(week.slots)
    for vantage in [*TOWN, "almaty-fixed", "aktau-mobile"]:
        assert [state(week, vantage, name, last) for name in ("respublika", "kplus")] == ["blocked", "blocked"]
        assert [state(week, vantage, name, last) for name in ("twitter", "youtube")] == ["ok", "ok"]


def test_twitter_is_blocked_nationwide_and_back_while_the_town_is_dark(week: Scenario) -> None:
    numbers = range(1, len(week.slots) + 1)
    blocked = [n for n in numbers if state(week, "astana-mobile", "twitter", n) == "blocked"]
    assert {week.slots[n - 1].day for n in blocked} == {16, 17}
    after = blocked[-1] + 1
    assert state(week, "astana-mobile", "twitter", after) == "ok"
    assert {state(week, vantage, "twitter", after) for vantage in TOWN} == {"dark"}


def test_around_the_town_phones_are_without_data_and_homes_are_not(week: Scenario) -> None:
    number = next(n for n, at in enumerate(week.slots, 1) if at.day == 19)
    for phone in ("aktau-mobile", "aktau-mobile-two"):
        assert week.truth_of(phone, target(week, "twitter"), number).cause == "shutdown"
    assert state(week, "aktau-fixed", "twitter", number) == "ok"


def test_the_town_goes_dark_line_by_line_and_returns_line_by_line(week: Scenario) -> None:
    dark = [{v for v in TOWN if state(week, v, "twitter", n) == "dark"} for n in range(1, len(week.slots) + 1)]
    full = dark.index(TOWN)
    assert all(before <= after for before, after in pairwise(dark[: full + 1]))
    assert len({frozenset(some) for some in dark[:full]}) == len(TOWN)
    assert [len(some) for some in dark[-4:]] == [4, 2, 1, 0]


def test_damage_and_orders_are_the_same_in_both_eras() -> None:
    def struck(name: str) -> list[tuple[str, object, datetime | None, datetime | None]]:
        return [
            (
                one.kind,
                one.change,
                one.during.start and one.during.start - WEEKS[name],
                one.during.end and one.during.end - WEEKS[name],
            )
            for one in scenario_file.load(name).timeline
            if one.change is not None
        ]

    assert struck("zhanaozen-2011") == struck("zhanaozen-today")
    assert len(struck("zhanaozen-2011")) == 5


def test_operators_of_egypt_obeyed_one_after_the_other_within_20_minutes() -> None:
    scenario = scenario_file.load("egypt-2011")
    number = {at: n for n, at in enumerate(scenario.slots, 1)}
    dark = {at: [v for v in scenario.vantages if state(scenario, v, "news", n) == "dark"] for at, n in number.items()}
    evening = datetime(2011, 1, 27, 22, 0, tzinfo=UTC)
    counts = [len(dark[at]) for at in scenario.slots if at - evening <= timedelta(minutes=40)]
    assert counts == [0, 1, 2, 3]


def test_three_operators_lose_one_fibre_at_once_and_nobody_ordered_it() -> None:
    scenario = scenario_file.load("shymkent-2025")
    cut = next(event for event in scenario.events() if event.cause == "damage")
    assert {scenario.topology.hosts[vantage].network for vantage in cut.vantages} == {
        "fixed",
        "mobile-one",
        "mobile-two",
    }
    assert not any(one.is_somebodys for one in scenario.timeline)
