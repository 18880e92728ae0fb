"""What boxes look for: each thing that can be read, what narrows it, and no error in whatever comes."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.flow import FlowTable
from lab.match import Match, matching
from lab.packet import ACK, SYN, TCP, UDP, Packet, Tcp, Udp, tcp_packet, udp_packet
from probe.errors import UserError
from probe.schedule.yaml_reader import parse
from tests.lab.hellos import client_hello, quic_initials

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIENT, SERVER = ip_address("2.72.1.10"), ip_address("45.60.1.1")
READ = matching(lambda match: match)


def wanted(yaml: str) -> Match:
    """A match, as a scenario writes it."""
    match: Match = parse(yaml.encode(), "test.yaml", READ)
    return match


def segments(payloads: Sequence[bytes], port: int = 443) -> list[Packet]:
    """What a client sends by TCP: its SYN, then these."""
    sent = [tcp_packet(CLIENT, SERVER, Tcp(source_port=40_001, destination_port=port, sequence=99, flags=SYN))]
    sequence = 100
    for payload in payloads:
        segment = Tcp(source_port=40_001, destination_port=port, sequence=sequence, flags=ACK, payload=payload)
        sent.append(tcp_packet(CLIENT, SERVER, segment))
        sequence += len(payload)
    return sent


def datagrams(payloads: Sequence[bytes], port: int = 443) -> list[Packet]:
    return [
        udp_packet(CLIENT, SERVER, Udp(source_port=50_001, destination_port=port, payload=payload))
        for payload in payloads
    ]


def met(match: Match, packets: Sequence[Packet]) -> list[bool]:
    """Which of the packets of one flow are met."""
    table = FlowTable(random.Random(1))
    return [match(packet, table.of(packet, 0.0)) for packet in packets]


def head(host: str, path: str = "/") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("yaml", "hits", "misses"),
    [
        (
            "sni: [social.example]",
            [client_hello("social.example"), client_hello("api.SOCIAL.example")],
            [client_hello("antisocial.example"), head("social.example"), b"social.example"],
        ),
        (
            "host: [paper.example]",
            [head("paper.example"), head("www.Paper.example:80")],
            [head("newspaper.example"), client_hello("paper.example"), head("a.example", "/paper.example")],
        ),
        (
            "path: [sq4re000001, '/forbidden']",
            [head("a.example", "/watch?v=sq4re000001&t=1"), head("b.example", "/so/forbidden/x")],
            [head("sq4re000001.example", "/"), client_hello("forbidden")],
        ),
        (
            "keyword: [falun, Tor]",
            [b"....falun....", b"\x16\x03Tor", head("falun.example")],
            [b"....Falun....", client_hello("tor.example")],
        ),
    ],
)
def test_each_key_meets_its_own_and_nothing_else(yaml: str, hits: list[bytes], misses: list[bytes]) -> None:
    match = wanted(yaml)
    for payload in hits:
        assert met(match, segments([payload])) == [False, True]
    for payload in misses:
        assert not any(met(match, segments([payload])))


def test_a_name_in_quic_is_met_and_no_other() -> None:
    match = wanted("quic_sni: [social.example]")
    assert any(met(match, datagrams(quic_initials("www.social.example"))))
    assert not any(met(match, datagrams(quic_initials("chess.example"))))
    assert not any(met(match, datagrams(quic_initials("social.example"), port=4433)))
    assert not any(met(match, segments([client_hello("social.example")])))
    assert not any(met(wanted("sni: [social.example]"), datagrams(quic_initials("social.example"))))


def test_lists_of_names_are_alternatives() -> None:
    match = wanted("{sni: [social.example, news.example], host: [paper.example], path: [/secret], keyword: [falun]}")
    for payload in (client_hello("news.example"), head("paper.example"), head("a.example", "/secret"), b"xfalunx"):
        assert any(met(match, segments([payload])))
    assert not any(met(match, segments([head("a.example")])))


@pytest.mark.parametrize(
    ("narrowing", "is_met"),
    [
        ("addresses: [45.60.1.0/24]", True),
        ("addresses: [2.72.0.0/16]", True),
        ("addresses: [9.9.9.9/32, 45.60.1.1/32]", True),
        ("addresses: [45.60.2.0/24]", False),
        ('addresses: ["2a02::/16"]', False),
        ("ports: [80, 443]", True),
        ("ports: [40001]", False),
        ("protocol: tcp", True),
        ("protocol: udp", False),
    ],
)
def test_addresses_ports_and_protocol_narrow(narrowing: str, is_met: bool) -> None:
    packets = segments([client_hello("social.example")])
    assert any(met(wanted("{sni: [social.example], " + narrowing + "}"), packets)) is is_met
    assert met(wanted("{" + narrowing + "}"), packets) == [is_met, is_met], "alone, it goes by where a packet goes"


def test_the_port_is_that_of_the_server_in_both_directions() -> None:
    opening, *_ = segments([])
    back = tcp_packet(SERVER, CLIENT, Tcp(source_port=443, destination_port=40_001, flags=SYN | ACK))
    assert met(wanted("ports: [443]"), [opening, back]) == [True, True]
    assert met(wanted("ports: [40001]"), [opening, back]) == [False, False]


def test_what_the_server_says_is_not_read() -> None:
    opening, *_ = segments([])
    said = Tcp(source_port=443, destination_port=40_001, flags=ACK, payload=b"falun" + head("paper.example"))
    packets = [opening, tcp_packet(SERVER, CLIENT, said)]
    assert met(wanted("{keyword: [falun], host: [paper.example]}"), packets) == [False, False]


@pytest.mark.parametrize(("reassembles", "is_met"), [("true", True), ("false", False)])
def test_a_keyword_over_two_segments_is_found_by_boxes_that_reassemble(reassembles: str, is_met: bool) -> None:
    match = wanted("{keyword: [falun], reassembles: " + reassembles + "}")
    assert met(match, segments([b"xxfa", b"lunxx"])) == [False, False, is_met]
    assert any(met(match, segments([b"xx", b"xfalunx"])))


@given(st.integers(1, 400), st.integers(1, 400))
def test_a_name_is_met_with_the_segment_that_completes_it(first: int, second: int) -> None:
    hello = client_hello("social.example")
    pieces = [hello[:first], hello[first : first + second], hello[first + second :]]
    found = met(wanted("sni: [social.example]"), segments([piece for piece in pieces if piece]))
    assert sum(found) >= 1
    assert found[-1], "the whole hello is there by then"
    assert not found[0]


def test_without_anything_every_packet_is_met() -> None:
    packets = [*segments([b""]), Packet(source=CLIENT, destination=SERVER, protocol=1, payload=b"\x08\x00")]
    assert met(Match(), packets) == [True] * 3


@pytest.mark.parametrize("yaml", ["{}", "{reassembles: false}"])
def test_a_box_that_looks_for_nothing_is_refused(yaml: str) -> None:
    with pytest.raises(UserError, match=r"test\.yaml:1: key 'sni': expected something to look for: sni, host"):
        wanted(yaml)


EVERYTHING: dict[str, Any] = {
    "sni": ("a.example",),
    "host": ("a.example",),
    "path": ("x",),
    "keyword": ("kw",),
    "quic_sni": ("a.example",),
}
HELLO, INITIAL = client_hello("a.example"), quic_initials("a.example")[0]
HOSTILE = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda at, junk: HELLO[:at] + junk + HELLO[at + len(junk) :], st.integers(0, 300), st.binary(max_size=9)),
    st.builds(
        lambda at, junk: INITIAL[:at] + junk + INITIAL[at + len(junk) :], st.integers(0, 1200), st.binary(max_size=9)
    ),
    st.builds(lambda junk: b"GET " + junk + b" HTTP/1.1\r\nHost:" + junk + b"\r\n\r\n", st.binary(max_size=60)),
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([TCP, UDP, 1, 58, 47]),
            HOSTILE,
            st.booleans(),
            st.booleans(),
            st.sampled_from([0, 1, 0x4000]),
        ),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
    st.booleans(),
)
def test_nothing_that_is_sent_makes_a_match_fail(
    parts: list[tuple[int, bytes, bool, bool, int]], is_v6: bool, is_reassembling: bool
) -> None:
    ends: list[IPv4Address | IPv6Address] = (
        [ip_address("2a00::1"), ip_address("2a02::1")] if is_v6 else [CLIENT, SERVER]
    )
    packets = []
    for protocol, junk, is_back, is_bare, fragment in parts:
        one, other = reversed(ends) if is_back else ends
        if is_bare:  # whatever stands where the transport's header should
            made = Packet(source=one, destination=other, protocol=protocol, payload=junk, fragment=fragment)
        elif protocol == UDP:
            made = udp_packet(one, other, Udp(source_port=443, destination_port=443, payload=junk))
        else:
            flags = len(junk) % 32
            segment = Tcp(source_port=443, destination_port=443, sequence=2**32 - 3, flags=flags, payload=junk)
            made = tcp_packet(one, other, segment)
        packets.append(made)
    match = Match(**EVERYTHING, is_reassembling=is_reassembling)
    assert all(isinstance(answer, bool) for answer in met(match, packets))
