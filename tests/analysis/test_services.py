"""A service is usable by what its schedule says that people need of it."""

from __future__ import annotations

import pytest

from analysis.analyse import as_dict, conclude
from analysis.services import services_of, usable
from analysis.states import State
from tests.analysis.fact_builder import TIMEOUT, CycleBuilder, failed, reached, sentinel_cycle

OK, BLOCKED, DOWN, UNKNOWN = State.OK, State.BLOCKED, State.DOWN, State.INSUFFICIENT


@pytest.mark.parametrize(
    ("roles", "needs", "state"),
    [
        ({"site": OK, "images": OK}, {"site": "all", "images": "all"}, OK),
        ({"site": OK, "images": BLOCKED}, {"site": "all", "images": "all"}, BLOCKED),
        ({"site": OK, "images": BLOCKED}, {"site": "all"}, OK),
        ({"site": DOWN, "api": BLOCKED}, {"site": "all", "api": "all"}, BLOCKED),
        ({"site": OK, "api": DOWN}, {"site": "any", "api": "any"}, OK),
        ({"site": UNKNOWN, "api": DOWN}, {"site": "any", "api": "any"}, DOWN),
        ({"site": OK, "video": DOWN, "images": DOWN}, {"site": "all", "video": "any", "images": "any"}, DOWN),
        ({"site": OK, "video": DOWN, "images": OK}, {"site": "all", "video": "any", "images": "any"}, OK),
        ({"site": UNKNOWN}, {"site": "all"}, UNKNOWN),
        ({"a.example": OK, "b.example": DOWN}, {}, DOWN),
        ({"a.example": OK, "b.example": OK}, {}, OK),
    ],
)
def test_a_service_is_ok_with_all_that_it_cannot_do_without_and_one_of_what_will_do(
    roles: dict[str, State], needs: dict[str, str | None], state: State
) -> None:
    assert usable(roles, needs) is state


def test_one_target_of_a_role_is_enough_and_controls_belong_to_no_service() -> None:
    cycle = (
        CycleBuilder()
        .controls()
        .add("x.com", reached("x.com"), service="twitter", role="site", need="all")
        .add("twitter.com", failed("tcp", TIMEOUT, "twitter.com"), service="twitter", role="site", need="all")
        .add("t.co", failed("tcp", TIMEOUT, "t.co"), service="twitter", role="short-links")
        .build()
    )
    conclusions = conclude([cycle])
    (found,) = services_of((j.facts.measurement, j.decision.state) for j in conclusions.judged)
    assert (found.service, found.vantage, found.state, found.is_whole) == ("twitter", "almaty", OK, False)
    assert found.roles == {"site": OK, "short-links": UNKNOWN}
    (printed,) = as_dict(conclusions)["services"]
    assert printed == {
        "vantage": "almaty",
        "service": "twitter",
        "cycle": "almaty-000",
        "started_at": "2026-01-10T06:01:00.080Z",
        "state": "ok",
        "is_whole": False,
        "roles": {"short-links": "insufficient", "site": "ok"},
    }


def test_each_vantage_and_cycle_has_its_own_row() -> None:
    two = [CycleBuilder(index=i).controls().add("a.example", reached("a.example")).build() for i in (0, 1)]
    judged = conclude([*two, sentinel_cycle(target="a.example")]).judged
    rows = services_of((j.facts.measurement, j.decision.state) for j in judged)
    assert [(row.vantage, row.cycle) for row in rows] == [
        ("almaty", "almaty-000"), ("frankfurt", "frankfurt-000"), ("almaty", "almaty-001"),
    ]  # fmt: skip
