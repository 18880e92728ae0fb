"""Each order does what it says, to those whom it means and to nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from lab import orders
from lab.conditions import Moment, peace
from lab.packet import Udp, udp_packet
from lab.registry import kinds
from probe.schedule.yaml_reader import parse
from tests.lab.wired import FORKED, wired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.wired import Wired

SITE, LOCAL, OUTER, VILLAGER, SENTINEL = "62.115.1.1", "92.46.0.10", "2.72.0.10", "2.78.0.10", "62.115.0.10"


@pytest.fixture
def net() -> Iterator[Wired]:
    with wired() as net:
        yield net


def reached(net: Wired, host: str) -> set[str]:
    return {address for address in (SITE, LOCAL, OUTER, VILLAGER, SENTINEL) if net.reaches(host, address)}


EVERYBODY = {SITE, LOCAL, OUTER, VILLAGER, SENTINEL}


def test_a_network_that_is_shut_down_reaches_itself_alone_and_others_go_on(net: Wired) -> None:
    net.strike("shutdown", "networks: [town]")
    assert reached(net, "inner") == {OUTER}, "from behind the gateway too"
    assert reached(net, "outer") == {OUTER}
    assert reached(net, "villager") == EVERYBODY - {OUTER}
    assert reached(net, "sentinel") == EVERYBODY - {OUTER}


def test_operators_obey_one_after_the_other_in_the_order_that_was_given(net: Wired) -> None:
    yaml = "{networks: [village, town, carrier], over: 2h}"
    obeyed = []
    for minute in (0, 59, 60, 119, 120):
        net.strike("shutdown", yaml, after=timedelta(minutes=minute))
        obeyed.append(
            {host for host in ("villager", "outer", "local") if not net.reaches("sentinel", address_of(host))}
        )
    assert obeyed == [
        {"villager"},
        {"villager"},
        {"villager", "outer"},
        {"villager", "outer"},
        {"villager", "outer", "local"},
    ]


def address_of(host: str) -> str:
    return str(FORKED.hosts[host].addresses[0])


def test_what_is_allowed_stays_in_reach_of_those_who_are_shut_off(net: Wired) -> None:
    net.strike("shutdown", "{networks: [town], allow: [92.46.0.10/32]}")
    assert reached(net, "outer") == {OUTER, LOCAL}
    assert reached(net, "inner") == {OUTER, LOCAL}


def test_a_country_that_closes_its_gateway_goes_on_by_itself_and_no_way_leads_round(net: Wired) -> None:
    net.strike("gateway-closed", "country: KZ")
    for host in ("inner", "outer", "villager"):
        assert reached(net, host) == {LOCAL, OUTER, VILLAGER}
    assert reached(net, "sentinel") == {SITE, SENTINEL}
    cut = net.changed("gateway-closed", "country: KZ").with_link("border--abroad", is_up=False)
    net.internet.apply(cut)
    assert reached(net, "outer") == {LOCAL, OUTER, VILLAGER}, "nor by the dear way, where another border is"


def test_what_is_allowed_stays_in_reach_through_a_closed_gateway(net: Wired) -> None:
    net.strike("gateway-closed", "{country: KZ, allow: [62.115.1.0/24]}")
    assert reached(net, "outer") == {LOCAL, OUTER, VILLAGER, SITE}


def test_where_data_is_off_no_packet_passes_and_elsewhere_all_do(net: Wired) -> None:
    net.strike("data-off", "routers: [village]")
    assert reached(net, "villager") == set()
    assert reached(net, "outer") == EVERYBODY - {VILLAGER}


def test_a_slowdown_slows_everybody_to_its_rate(net: Wired) -> None:
    net.strike("slowdown", "{links: [border--abroad], rate_mbit_s: 0.4}")
    before, payload = len(net.arrived["outer"]), b"x" * 972
    for _ in range(100):  # 1,000 bytes with their headers, all at once
        datagram = Udp(source_port=5000, destination_port=9, payload=payload)
        net.send("site", udp_packet(FORKED.hosts["site"].addresses[0], FORKED.hosts["outer"].addresses[0], datagram))
    net.pass_time(10.0)
    times = [at for at, _ in net.arrived["outer"][before:]]
    assert len(times) == 100
    rate = 99 * 1000 * 8 / (times[-1] - times[0])
    assert rate == pytest.approx(400_000, rel=0.001)


NOWHERE = {
    "data-off": "routers: [mars]",
    "gateway-closed": "country: XX",
    "shutdown": "networks: [mars]",
    "slowdown": "{links: [town--mars], rate_mbit_s: 1}",
}


@pytest.mark.parametrize("kind", kinds(orders))
def test_whom_the_topology_has_not_no_order_can_mean(kind: str) -> None:
    change = parse(NOWHERE[kind].encode(), "test.yaml", kinds(orders)[kind].record)
    with pytest.raises(LookupError, match=r"mars|XX"):
        change(peace(FORKED), Moment(topology=FORKED, elapsed=timedelta(), name="test"))
