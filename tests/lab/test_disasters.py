"""Each disaster does what it says: to packets where they show it, otherwise to the conditions."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from scipy.stats import binom

from lab import disasters
from lab.conditions import Fate, Moment, peace
from lab.registry import kinds
from probe.errors import UserError
from probe.schedule.yaml_reader import parse
from tests.lab.wired import FORKED, wired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.wired import Wired

SITE, SITE_V6, LOCAL = "62.115.1.1", "2001:2034:1::1", "92.46.0.10"
NORTH, SOUTH, BORDER, DETOUR = "92.46.0.1", "92.46.0.2", "92.46.0.3", "104.24.0.1"
PORTS = random.Random(4).sample(range(1024, 65_536), 400)


@pytest.fixture
def net() -> Iterator[Wired]:
    with wired() as net:
        yield net


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


# ---------------------------------------------------------------- cuts, and ways round them


def test_traffic_goes_round_a_cut_that_is_noticed(net: Wired) -> None:
    ways = {tuple(net.hops("outer", SITE, port=port)) for port in PORTS[:20]}
    assert {way[1] for way in ways} == {NORTH, SOUTH}, "both ways are used in peace"
    net.strike("link-cut", "links: [town--north]")
    ways = {tuple(net.hops("outer", SITE, port=port)) for port in PORTS[:20]}
    assert ways == {("2.72.0.1", SOUTH, BORDER, "62.115.0.1", SITE)}
    assert net.answered_ports("outer", SITE, PORTS) == set(PORTS)


def test_where_there_is_no_other_way_a_cut_is_silence(net: Wired) -> None:
    net.strike("link-cut", "links: [village--north]")
    assert net.reaches("villager", "2.78.0.1")
    assert net.ping("villager", SITE) is None
    assert net.ping("villager", LOCAL) is None
    assert net.reaches("outer", SITE)


def test_a_dead_member_that_nobody_notices_kills_half_of_the_flows_whole(net: Wired) -> None:
    net.strike("link-cut", "{links: [town--north], noticed: false}")
    before = len(net.arrived["site"])
    alive = net.answered_ports("outer", SITE, PORTS)
    low, high = binom.interval(0.999, len(PORTS), 0.5)
    assert low <= len(net.arrived["site"]) - before <= high
    low, high = binom.interval(0.999, len(PORTS), 0.25)
    assert low <= len(alive) <= high, "the way back is chosen anew, and may be the dead one too"
    assert net.answered_ports("outer", SITE, PORTS) == alive, "a flow's fate lies in its ports, not in chance"


def test_who_keeps_one_port_sees_all_or_nothing_and_who_changes_it_finds_a_way(net: Wired) -> None:
    net.strike("link-cut", "{links: [town--north], noticed: false}")
    dead = next(port for port in PORTS if not net.answered_ports("outer", SITE, [port]))
    assert not net.answered_ports("outer", SITE, [dead] * 20)
    assert net.answered_ports("outer", SITE, [dead, *PORTS[:20]])


def test_a_cut_duct_takes_every_link_in_it_whoever_it_belongs_to(net: Wired) -> None:
    net.strike("fibre-cut", "fibres: [railway]")
    assert net.ping("villager", LOCAL) is None
    assert net.hops("outer", LOCAL)[1] == SOUTH
    net.strike("fibre-cut", "fibres: [railway, road]")
    assert net.hops("outer", LOCAL) == ["2.72.0.1", DETOUR, "62.115.0.1", BORDER, LOCAL], "the dear way is left"


def test_a_dead_router_is_gone_round_and_nothing_answers_there(net: Wired) -> None:
    net.strike("router-dead", "routers: [north]")
    assert {net.hops("outer", SITE, port=port)[1] for port in PORTS[:10]} == {SOUTH}
    assert net.ping("outer", NORTH) is None
    assert net.ping("villager", SITE) is None


def test_a_burnt_exchange_takes_its_hosts_with_it(net: Wired) -> None:
    net.strike("exchange-fire", "routers: [border]")
    assert net.ping("outer", LOCAL) is None
    assert net.hops("outer", SITE) == ["2.72.0.1", DETOUR, "62.115.0.1", SITE]
    struck = net.changed("exchange-fire", "routers: [border, town]")
    assert {"local", "resolver"} <= struck.fates.keys()
    assert not {"outer", "inner", "villager"} & struck.fates.keys(), "those who measure live next door"


def test_a_leaked_route_leads_everybody_the_long_way_and_traceroute_shows_it(net: Wired) -> None:
    usual = net.round_trip_s("outer", SITE)
    net.strike("route-leak", "{links: [town--detour, detour--abroad], cost: 1}")
    assert net.hops("outer", SITE) == ["2.72.0.1", DETOUR, "62.115.0.1", SITE]
    assert net.hops("inner", SITE) == ["192.168.1.1", "2.72.0.1", DETOUR, "62.115.0.1", SITE]
    assert usual == pytest.approx(2 * 0.029), "1 + 5 + 2 + 20 + 1 ms one way"
    assert net.round_trip_s("outer", SITE) == pytest.approx(2 * 0.102), "1 + 60 + 40 + 1 ms"


def test_a_flapping_link_is_up_and_down_in_turn(net: Wired) -> None:
    net.strike("flapping", "{links: [village--north], up: 3s, down: 2s}")
    seen = []
    while net.now < 40.0:
        started = net.now
        seen.append((started % 5.0, net.reaches("villager", NORTH)))
    for phase_s, is_answered in seen:
        if phase_s < 2.9:  # the answer comes back within 10 ms
            assert is_answered
        elif 3.0 < phase_s < 4.9:
            assert not is_answered
    assert {is_answered for _, is_answered in seen} == {True, False}


def test_repairs_come_one_after_the_other_and_relapse_once() -> None:
    yaml = "{links: [town--north, town--south], every: 60m, relapse: 10m}"
    up = {}
    with wired() as net:
        for minute in range(0, 200, 5):
            links = net.changed("staged-repair", yaml, after=minutes(minute)).links
            up[minute] = (links["town--north"].is_up, links["town--south"].is_up)
    assert {minute for minute, (north, _) in up.items() if not north} == {*range(0, 60, 5), 90, 95}
    assert {minute for minute, (_, south) in up.items() if not south} == {*range(0, 120, 5), 150, 155}


# ---------------------------------------------------------------- loss, congestion, size


@pytest.mark.parametrize("loss", [0.05, 0.2, 0.6])
def test_a_lossy_link_loses_its_share(net: Wired, loss: float) -> None:
    net.strike("burst-loss", f"{{links: [village--north], loss: {loss}}}")
    sent, before = 3000, len(net.arrived["local"])
    net.answered_ports("villager", LOCAL, range(2000, 2000 + sent))
    low, high = binom.interval(0.999, sent, loss)
    assert low <= sent - (len(net.arrived["local"]) - before) <= high


def test_congestion_grows_to_its_worst_and_stays_there(net: Wired) -> None:
    yaml = "{links: [village--north], loss: 0, delay_ms: 80, ramp: 1h}"
    usual = net.round_trip_s("villager", LOCAL)
    for after, more_ms in ((minutes(0), 0), (minutes(30), 40), (minutes(60), 80), (minutes(600), 80)):
        net.strike("congestion", yaml, after=after)
        assert net.round_trip_s("villager", LOCAL) == pytest.approx(usual + 2 * more_ms / 1000)


def test_congestion_adds_to_what_a_link_loses_and_never_heals_it() -> None:
    with wired() as net:
        worse = net.changed(
            "congestion", "{links: [village--north], loss: 0.3, jitter_ms: 5, ramp: 1h}", after=minutes(20)
        )
        assert worse.links["village--north"].loss == pytest.approx(0.1)
        lossy = net.calm.with_link("village--north", loss=0.5)
        change = parse(b"{links: [village--north], loss: 0.3}", "test.yaml", kinds(disasters)["congestion"].record)
        after = change(lossy, Moment(topology=FORKED, elapsed=minutes(1), name="test"))
        assert after.links["village--north"].loss == 0.5


def test_what_is_too_big_for_a_black_hole_vanishes_and_a_link_that_speaks_says_so(net: Wired) -> None:
    net.strike("mtu-black-hole", "{links: [border--abroad], mtu: 1000}")
    assert net.ping("outer", SITE, size=900) == (SITE, 0)
    assert net.ping("outer", SITE, size=1100) is None
    net.internet.apply(net.calm.with_link("border--abroad", mtu=1000))
    assert net.ping("outer", SITE, size=1100) == (BORDER, 3)
    assert net.ping("outer", SITE_V6, size=1100) == ("2a00:5da2::3", 2)


def test_a_faulty_buffer_loses_the_long_packets_of_one_direction(net: Wired) -> None:
    net.strike("long-packets-lost", "{routers: [border], networks: [abroad], longest_bytes: 900}")
    assert net.reaches("outer", SITE)
    before = len(net.arrived["site"])
    assert net.ping("outer", SITE, size=1000) is None
    assert len(net.arrived["site"]) == before + 1, "the request comes through, the reply does not"
    assert net.ping("outer", LOCAL, size=1000) == (LOCAL, 0)


def test_a_route_that_is_lost_swallows_its_prefix_and_nothing_else(net: Wired) -> None:
    net.strike("route-lost", "{routers: [border], prefixes: [62.115.1.0/24]}")
    assert net.ping("outer", SITE) is None
    assert net.reaches("outer", "62.115.0.10")
    assert net.reaches("outer", SITE_V6)


# ---------------------------------------------------------------- power, sleep, clocks


@pytest.mark.parametrize(
    ("after", "is_home_up", "is_outer_up", "is_town_up"),
    [
        (minutes(0), True, True, True),
        (minutes(29), True, True, True),
        (minutes(30), False, True, True),
        (minutes(60), False, False, True),
        (minutes(119), False, False, True),
        (minutes(120), False, False, False),
    ],
)
def test_towers_die_one_after_the_other_as_their_batteries_run_down(
    net: Wired, after: timedelta, is_home_up: bool, is_outer_up: bool, is_town_up: bool
) -> None:
    net.strike("power-loss", "domains: [mains]", after=after)
    assert net.reaches("sentinel", "2.72.1.1") is is_home_up
    assert net.reaches("sentinel", "2.72.0.10") is is_outer_up
    assert net.reaches("sentinel", "2.72.0.1") is is_town_up
    assert net.reaches("sentinel", "2.78.0.10"), "the village has power"


def test_machines_without_power_measure_nothing_and_those_on_batteries_go_on(net: Wired) -> None:
    asleep = [net.changed("power-loss", "domains: [mains]", after=minutes(m)).asleep for m in (0, 59, 60)]
    assert asleep == [{"inner"}, {"inner"}, {"inner", "outer"}]


def test_a_machine_that_sleeps_does_not_answer(net: Wired) -> None:
    net.strike("asleep", "hosts: [outer]")
    assert net.ping("villager", "2.72.0.10") is None
    assert net.reaches("villager", "2.72.0.1")


@pytest.mark.parametrize(("yaml", "seconds"), [("ahead: 3h", 10_800), ("behind: 90s", -90)])
def test_a_wrong_clock_is_wrong_by_what_was_said(net: Wired, yaml: str, seconds: int) -> None:
    changed = net.changed("wrong-clock", f"{{hosts: [outer], {yaml}}}")
    assert changed.clock_errors == {"outer": timedelta(seconds=seconds)}


def test_a_clock_is_ahead_or_behind_and_not_both() -> None:
    record = kinds(disasters)["wrong-clock"].record
    for yaml in (b"{hosts: [outer], ahead: 1h, behind: 1h}", b"hosts: [outer]"):
        with pytest.raises(UserError, match="either how far the clock is ahead or"):
            parse(yaml, "test.yaml", record)


@pytest.mark.parametrize(("fate", "answer"), [("silent", None), ("unreachable", ("62.115.0.1", 3)), ("refusing", None)])
def test_a_dead_host_looks_as_its_fate_says(net: Wired, fate: str, answer: tuple[str, int] | None) -> None:
    net.strike("host-dead", f"{{hosts: [site], fate: {fate}}}")
    assert net.ping("outer", SITE) == answer
    datagrams = net.hops("outer", SITE, port=40_000)
    assert (datagrams[4:5] == [SITE]) is (Fate(fate) is Fate.REFUSING), "its port is unreachable, in its own name"


# ---------------------------------------------------------------- all of them

NOWHERE = {
    "asleep": "hosts: [mars]",
    "burst-loss": "{links: [town--mars], loss: 0.1}",
    "congestion": "{links: [town--mars], loss: 0.1}",
    "exchange-fire": "routers: [mars]",
    "fibre-cut": "fibres: [mars]",
    "flapping": "{links: [town--mars], up: 1s, down: 1s}",
    "host-dead": "hosts: [mars]",
    "link-cut": "links: [town--mars]",
    "long-packets-lost": "{routers: [town], networks: [mars], longest_bytes: 900}",
    "mtu-black-hole": "{links: [town--mars], mtu: 1000}",
    "own-link-down": "hosts: [mars]",
    "power-loss": "domains: [mars]",
    "route-leak": "{links: [town--mars], cost: 1}",
    "route-lost": "{routers: [mars], prefixes: [62.115.0.0/16]}",
    "router-dead": "routers: [mars]",
    "staged-repair": "{links: [town--mars], every: 1h}",
    "wrong-clock": "{hosts: [mars], ahead: 1h}",
}


@pytest.mark.parametrize("kind", kinds(disasters))
def test_what_the_topology_has_not_cannot_be_struck(kind: str) -> None:
    change = parse(NOWHERE[kind].encode(), "test.yaml", kinds(disasters)[kind].record)
    with pytest.raises(LookupError, match="mars"):
        change(peace(FORKED), Moment(topology=FORKED, elapsed=timedelta(), name="test"))
