"""The live view: what can be seen of a moment, on a terminal and elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from lab.conditions import Conditions, Fate, InterfaceState
from lab.during import During
from lab.link import LinkProfile
from lab.live import heading, line, picture, showing
from lab.scenario import Happening, Scenario
from lab.station import Placement
from lab.topology import Host, Role, Topology
from lab.view import Pass, View, view_of

SLOTS = tuple(datetime(2011, 12, 16, 20, tzinfo=UTC) + timedelta(hours=hour) for hour in range(4))


def keep_packets(packet: Any, flow: Any) -> list[Any]:
    return [packet]


def unchanged(conditions: Conditions, moment: Any) -> Conditions:
    return conditions


PLACEMENT = Placement(
    name="reset 1", router="gateway", networks=frozenset({"kazakhtelecom", "beeline"}), box=keep_packets
)

SCENARIO = Scenario(
    name="town",
    family="mixture",
    summary="",
    topology=Topology(
        summary="",
        networks={},
        routers={},
        links={},
        hosts={
            "aktau": Host(role=Role.VANTAGE, network="beeline", router="r", region="Aktau", bearer="mobile"),
            "home": Host(role=Role.VANTAGE, network="kazakhtelecom", router="r", region="Almaty"),
            "sentinel": Host(role=Role.SENTINEL, network="abroad", router="r"),
        },
        sites=(),
    ),
    schedule=SimpleNamespace(),  # type: ignore[arg-type]  # nothing here reads it
    seed=0,
    slots=SLOTS,
    timeline=(
        Happening(during=During(), kind="reset", name="reset 1", place="gateway", placement=PLACEMENT),
        Happening(
            during=During(first=3),
            kind="mobile-data-off",
            name="mobile-data-off 2",
            place="beeline",
            change=unchanged,
            is_order=True,
        ),
        Happening(during=During(first=4), kind="fibre-cut", name="fibre-cut 3", place="caspian-duct", change=unchanged),
    ),
    truth=(),
    vantages=("aktau", "home", "sentinel"),
    utc_offset=timedelta(hours=5),
)

CONDITIONS = Conditions(
    hosts=frozenset(SCENARIO.topology.hosts),
    routers=frozenset({"gateway"}),
    links={"a--b": LinkProfile(is_up=False), "b--c": LinkProfile()},
    costs={},
    fates={"gateway": Fate.SILENT},
    interfaces={"aktau": InterfaceState.UNPLUGGED},
    asleep=frozenset({"home"}),
)


COUNTS = {
    "reset 1": (12_345, 67),
    "reset 11": (1, 1),
    "mobile-data-off 2 aktau": (5, 5),
    "mobile-data-off 2 zhanaozen": (4, 3),
}


def seen(number: int = 3, counts: dict[str, tuple[int, int]] | None = None) -> View:
    return view_of(
        SCENARIO,
        number,
        CONDITIONS,
        {"aktau": Pass(3, 12, "twitter.com/https")},
        counts if counts is not None else COUNTS,
    )


def drawn(view: View) -> str:
    console = Console(width=160, force_terminal=False)
    with console.capture() as shown:
        console.print(picture(view))
    return shown.get()


def test_a_view_tells_who_is_up_and_how_far_each_has_come() -> None:
    aktau, home, sentinel = seen().vantages
    assert (aktau.state, aktau.share, aktau.region, aktau.bearer) == ("unplugged", 0.25, "Aktau", "mobile")
    assert (home.state, home.share) == ("asleep", 1.0)
    assert (sentinel.state, sentinel.share) == ("up", 0.0)


def test_the_share_of_the_scenario_grows_from_none_to_all() -> None:
    assert seen(0).share == 0.0
    assert seen(3).share == pytest.approx((2 + 1.25 / 3) / 4)
    everybody = {name: Pass(12, 12) for name in SCENARIO.vantages}
    assert view_of(SCENARIO, 4, CONDITIONS, everybody, {}).share == 1.0


def test_what_is_in_force_has_its_place_and_the_packets_of_its_own_boxes() -> None:
    box, order = seen().in_force
    assert (box.nature, box.kind, box.place, box.seen, box.acted) == ("box", "reset", "gateway", 12_345, 67)
    assert box.networks == ("beeline", "kazakhtelecom")
    assert (order.nature, order.seen, order.acted) == ("order", 9, 8)


def test_what_moves_no_packets_itself_counts_none() -> None:
    *_, disaster = seen(4, {}).in_force
    assert (disaster.nature, disaster.seen, disaster.acted) == ("disaster", None, None)


def test_nothing_is_in_force_while_the_lab_starts() -> None:
    assert seen(0).in_force == ()
    assert heading(seen(0)) == "town: starting the lab"


def test_the_picture_shows_every_vantage_every_box_and_what_is_down() -> None:
    shown = drawn(seen())
    for wanted in (
        "slot 3 of 4, 2011-12-16 22:00 UTC (2011-12-17 03:00 local time, UTC+05:00)",
        "Aktau",
        "unplugged",
        "asleep",
        "twitter.com/https",
        "12,345",
        "67",
        "links down: a--b",
        "out: gateway (silent)",
    ):
        assert wanted in shown
    assert "b--c" not in shown
    assert len([row for row in shown.splitlines() if "vantage" in row and "bearer" in row]) == 1
    assert shown.splitlines()[1].endswith("60%"), "two slots of four, and five twelfths of the third"


def test_local_time_is_shown_only_where_it_is_known() -> None:
    assert heading(replace(seen(), utc_offset=None)) == "town: slot 3 of 4, 2011-12-16 22:00 UTC"
    west = replace(seen(), utc_offset=-timedelta(hours=3, minutes=30))
    assert heading(west).endswith("(18:30 local time, UTC-03:30)")


def test_brackets_in_a_name_are_shown_and_not_obeyed() -> None:
    view = seen()
    named = replace(view.vantages[0], progress=Pass(1, 2, "site/[bold]"))
    assert "site/[bold]" in drawn(replace(view, vantages=(named,)))


def test_elsewhere_than_on_a_terminal_a_slot_is_one_line() -> None:
    console = Console(width=60, force_terminal=False)
    with console.capture() as shown, showing(console) as see:
        for number in (0, 3, 3, 3, 4):
            see(seen(number))
    lines = shown.get().splitlines()
    assert len(lines) == 3
    assert lines[1] == line(seen(3))
    assert "in force: reset at gateway, mobile-data-off at beeline; links down: a--b" in lines[1]
    assert lines[1].endswith("vantages: aktau unplugged, home asleep")


def test_on_a_terminal_the_last_view_is_what_is_drawn() -> None:
    console = Console(width=120, force_terminal=True, color_system=None)
    with console.capture() as shown, showing(console) as see:
        see(seen(3))
        see(seen(4))
    assert "slot 4 of 4" in shown.get()
