"""The Internet between hosts, without kernels and to the microsecond: times, order, sharing of paths, and junk."""

from __future__ import annotations

import contextlib
import os
import random
from ipaddress import ip_address
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from lab.capture import Capture
from lab.packet import ICMP, TCP, UDP, Packet, Tcp, Udp, build, parse, parse_udp, tcp_packet, udp_packet
from lab.topology_file import TOPOLOGY
from probe.schedule.yaml_reader import parse as parse_yaml
from tests.lab.wired import FORKED, wired

if TYPE_CHECKING:
    from tests.lab.wired import Wired

SITE, SITE_V6, LOCAL, OUTER = "62.115.1.1", "2001:2034:1::1", "92.46.0.10", "2.72.0.10"

TWO_FORKS = parse_yaml(
    b"""\
summary: Two forks in a row.
networks: {all: {asn: AS64496, country: KZ, prefixes: [2.72.0.0/16]}}
routers:
  a: {network: all, addresses: [2.72.0.1]}
  b1: {network: all, addresses: [2.72.0.2]}
  b2: {network: all, addresses: [2.72.0.3]}
  c: {network: all, addresses: [2.72.0.4]}
  d1: {network: all, addresses: [2.72.0.5]}
  d2: {network: all, addresses: [2.72.0.6]}
  e: {network: all, addresses: [2.72.0.7]}
links:
  - {between: [a, b1]}
  - {between: [a, b2]}
  - {between: [b1, c]}
  - {between: [b2, c]}
  - {between: [c, d1]}
  - {between: [c, d2]}
  - {between: [d1, e]}
  - {between: [d2, e]}
hosts:
  outer: {role: vantage, network: all, router: a, addresses: [2.72.1.1]}
  site: {role: web, network: all, router: e, addresses: [2.72.2.1]}
sites: []
""",
    "two-forks.yaml",
    TOPOLOGY,
)


# ---------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("host", "address", "one_way_ms"),
    [
        ("outer", SITE, 1 + 5 + 2 + 20 + 1),
        ("outer", SITE_V6, 29),
        ("inner", SITE, 1 + 3 + 5 + 2 + 20 + 1),
        ("villager", LOCAL, 8),
    ],
)
def test_a_round_trip_takes_the_sum_of_the_delays_and_nothing_more(host: str, address: str, one_way_ms: int) -> None:
    with wired() as net:
        assert net.round_trip_s(host, address) == pytest.approx(2 * one_way_ms / 1000, abs=1e-9)


def test_packets_of_one_path_arrive_in_their_order_whatever_its_jitter_and_rate() -> None:
    with wired() as net:
        net.internet.apply(net.calm.with_link("village--north", jitter_s=0.2, rate_bit_s=1_000_000.0))
        for number in range(200):
            net.send("villager", datagram(net, "villager", LOCAL, number.to_bytes(2, "big")))
            net.pass_time(0.003)
        net.pass_time()
        payloads = [udp.payload for _, packet in net.arrived["local"] if (udp := parse_udp(packet)) is not None]
    assert payloads == [number.to_bytes(2, "big") for number in range(200)]


def test_what_does_not_fit_into_a_queue_is_lost_and_the_rest_leaves_at_the_rate() -> None:
    with wired() as net:
        net.internet.apply(net.calm.with_link("village--north", rate_bit_s=80_000.0, queue_bytes=5_000))
        for _ in range(20):  # 1,000 bytes each: 100 ms on the wire
            net.send("villager", datagram(net, "villager", LOCAL, b"x" * 972))
        net.pass_time(10.0)
        times = [at for at, _ in net.arrived["local"]]
    assert len(times) == 5
    assert [round(b - a, 6) for a, b in pairwise(times)] == [0.1] * 4


def datagram(net: Wired, host: str, address: str, payload: bytes, *, port: int = 5000) -> Packet:
    own = next(a for a in net.topology.hosts[host].addresses if a.version == ip_address(address).version)
    return udp_packet(own, ip_address(address), Udp(source_port=port, destination_port=9, payload=payload))


# ---------------------------------------------------------------- paths that cost the same


def test_a_flow_keeps_to_its_path_and_flows_share_them_evenly() -> None:
    ports = random.Random(3).sample(range(1024, 65_536), 300)
    with wired() as net:
        first = {port: net.hops("outer", SITE, port=port)[1] for port in ports}
        assert {port: net.hops("outer", SITE, port=port)[1] for port in ports[:30]} == {
            port: first[port] for port in ports[:30]
        }
    low, high = binom.interval(0.999, len(ports), 0.5)
    assert low <= sum(hop == "92.46.0.1" for hop in first.values()) <= high


def test_two_forks_in_a_row_are_taken_independently() -> None:
    ports = random.Random(5).sample(range(1024, 65_536), 400)
    with wired(TWO_FORKS) as net:
        ways = [(hops[1], hops[3]) for port in ports if (hops := net.hops("outer", "2.72.2.1", port=port))]
    low, high = binom.interval(0.9999, len(ports), 0.25)
    for way in ((one, other) for one in ("2.72.0.2", "2.72.0.3") for other in ("2.72.0.5", "2.72.0.6")):
        assert low <= ways.count(way) <= high, "routers do not all hash alike"


# ---------------------------------------------------------------- behind a gateway that translates


def test_who_is_behind_a_gateway_is_seen_as_the_gateway() -> None:
    with wired() as net:
        assert net.reaches("inner", SITE)
        assert net.answered_ports("inner", SITE, [5001, 5002]) == {5001, 5002}
        assert {str(packet.source) for _, packet in net.arrived["site"]} == {"2.72.1.1"}


def test_errors_from_far_routers_find_their_way_inside() -> None:
    with wired() as net:
        hops = net.hops("inner", SITE, port=40_000)
    assert hops[0] == "192.168.1.1"
    assert hops[1] == "2.72.0.1"
    assert hops[3:] == ["92.46.0.3", "62.115.0.1", SITE]


def test_nobody_outside_reaches_inside_unasked() -> None:
    with wired() as net:
        assert net.ping("sentinel", "192.168.1.10") == ("62.115.0.1", 3)
        before = len(net.arrived["inner"])
        for port in (80, 5001):
            net.send(
                "sentinel", udp_packet(address("sentinel"), address("home"), Udp(source_port=9, destination_port=port))
            )
        net.pass_time()
        assert len(net.arrived["inner"]) == before
        assert net.ping("sentinel", "2.72.1.1") == ("2.72.1.1", 0), "the gateway itself answers"


def address(node: str) -> Any:
    return {**FORKED.hosts, **FORKED.routers}[node].addresses[0]


# ---------------------------------------------------------------- the way in one step, or step by step

PACKETS = st.lists(
    st.tuples(
        st.sampled_from(["inner", "outer", "villager", "sentinel", "site"]),
        st.sampled_from([SITE, LOCAL, OUTER, "2.72.1.1", "92.46.0.1", "92.46.200.1", "9.9.9.9", "192.168.1.10"]),
        st.integers(0, 12),  # hop limit
        st.integers(0, 1600),  # payload
        st.integers(1, 65_535),  # source port
        st.sampled_from([UDP, TCP, ICMP, 47]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(PACKETS)
def test_to_pass_several_routers_in_one_step_changes_nothing(
    packets: list[tuple[str, str, int, int, int, int]],
) -> None:
    """A capture makes every packet stop at its link, so nothing is skipped there."""
    arrived = []
    for is_captured in (False, True):
        with wired() as net, contextlib.closing(Capture(os.devnull)) as capture:
            for link in FORKED.links if is_captured else ():
                net.internet.capture(link, capture)
            for host, there, hop_limit, size, port, protocol in packets:
                net.send(host, made(host, there, hop_limit, size, port, protocol))
                net.pass_time(0.5)
            net.pass_time()
            arrived.append(
                {host: [(round(at, 9), build(packet)) for at, packet in seen] for host, seen in net.arrived.items()}
            )
    assert arrived[0] == arrived[1]


def made(host: str, there: str, hop_limit: int, size: int, port: int, protocol: int) -> Packet:
    source, payload = address(host), b"z" * size
    if protocol == UDP:
        body = udp_packet(source, ip_address(there), Udp(source_port=port, destination_port=9, payload=payload)).payload
    elif protocol == TCP:
        segment = Tcp(source_port=port, destination_port=80, sequence=port, flags=port % 32, payload=payload)
        body = tcp_packet(source, ip_address(there), segment).payload
    else:
        body = bytes([port % 16, 0, 0, 0]) + payload
    return Packet(source=source, destination=ip_address(there), protocol=protocol, payload=body, hop_limit=hop_limit)


# ---------------------------------------------------------------- whatever a host sends


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(min_size=1, max_size=120),
            st.builds(
                lambda junk, at: GOOD[:at] + junk + GOOD[at + len(junk) :],
                st.binary(min_size=1, max_size=6),
                st.integers(0, 60),
            ),
        ),
        max_size=10,
    ),
    st.sampled_from(["inner", "outer"]),
)
def test_no_bytes_of_a_host_stop_the_internet(sent: list[bytes], host: str) -> None:
    with wired() as net:
        net.censor("silence", "{sni: [a.example], quic_sni: [a.example], path: [x]}", router="town")
        faults: list[Any] = []
        net.on_fault(faults.append)
        for raw in sent:
            net.send_raw(host, raw)
        net.pass_time()
        assert not faults
        assert net.reaches("outer", LOCAL)


GOOD = build(
    tcp_packet(
        ip_address("192.168.1.10"),
        ip_address(SITE),
        Tcp(source_port=40_000, destination_port=80, flags=2, options=b"\x02\x04\x05\xb4"),
    )
)


def test_no_error_is_sent_about_an_error() -> None:
    with wired() as net:
        quoted = build(datagram(net, "outer", SITE, b"x"))[:28]
        error = Packet(
            source=address("outer"),
            destination=ip_address("9.9.9.9"),
            protocol=ICMP,
            payload=b"\x0b\0\0\0\0\0\0\0" + quoted,
        )
        assert parse(build(error)) is not None
        net.send("outer", error)
        net.pass_time()
        assert net.arrived["outer"] == []
