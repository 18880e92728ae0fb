"""The home gateway's translation: there and back again, with right checksums, for as long as the RFCs ask."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import packet as p
from lab.nat import (
    ICMP_LIFETIME_S,
    MAX_SESSIONS,
    TCP_LIFETIME_S,
    TCP_TRANSITORY_LIFETIME_S,
    UDP_LIFETIME_S,
    Nat,
)

PUBLIC = IPv4Address("2.72.1.1")
HOME = IPv4Network("192.168.1.0/24")
PHONE, LAPTOP = IPv4Address("192.168.1.10"), IPv4Address("192.168.1.11")
SERVER, OTHER, ROUTER = IPv4Address("45.60.1.1"), IPv4Address("45.60.2.2"), IPv4Address("62.115.0.1")

INSIDERS = st.integers(1, 254).map(lambda number: HOME[number])
REMOTES = st.integers(0x0B000000, 0x7E000000).map(IPv4Address)
PORTS = st.integers(0, 65_535)
PAYLOADS = st.binary(max_size=60)
SYN_ACK = p.SYN | p.ACK


def gateway() -> Nat:
    return Nat(PUBLIC, (HOME,))


def read(raw: bytes | None) -> p.Packet:
    """The packet, whose every checksum is right."""
    assert raw is not None
    assert p.checksum(raw[:20]) == 0
    packet = p.parse(raw)
    assert packet is not None
    assert transport_sum(packet) == 0
    return packet


def transport_sum(packet: p.Packet) -> int:
    length = len(packet.payload)
    pseudo = packet.source.packed + packet.destination.packed + bytes([0, packet.protocol]) + length.to_bytes(2, "big")
    return p.checksum((pseudo if packet.protocol != p.ICMP else b"") + packet.payload)


def tcp(source: IPv4Address, source_port: int, to: IPv4Address, port: int, flags: int = p.ACK) -> bytes:
    segment = p.Tcp(source_port=source_port, destination_port=port, flags=flags, payload=b"data")
    return p.build(p.tcp_packet(source, to, segment))


def udp(source: IPv4Address, source_port: int, to: IPv4Address, port: int, payload: bytes = b"data") -> bytes:
    return p.build(p.udp_packet(source, to, p.Udp(source_port=source_port, destination_port=port, payload=payload)))


def echo(source: IPv4Address, to: IPv4Address, identifier: int, data: bytes = b"", kind: int = 8) -> bytes:
    message = bytes([kind, 0, 0, 0]) + identifier.to_bytes(2, "big") + b"\0\0" + data
    message = message[:2] + p.checksum(message).to_bytes(2, "big") + message[4:]
    return p.build(p.Packet(source=source, destination=to, protocol=p.ICMP, payload=message))


def ports(packet: p.Packet) -> tuple[int, int]:
    parts = p.parse_tcp(packet) or p.parse_udp(packet)
    assert parts is not None
    return parts.source_port, parts.destination_port


def public_port(nat: Nat, raw: bytes, now: float = 0.0) -> int:
    """The port under which a packet leaves."""
    return ports(read(nat.outbound(raw, now)))[0]


# ---------------------------------------------------------------- there and back


@given(INSIDERS, REMOTES, PORTS, PORTS, PAYLOADS, PAYLOADS, st.sampled_from([p.TCP, p.UDP]))
def test_a_reply_finds_back_to_who_asked_and_nothing_else_of_either_packet_changes(
    inside: IPv4Address, remote: IPv4Address, port: int, remote_port: int, asks: bytes, answers: bytes, protocol: int
) -> None:
    nat = gateway()

    def made(source: IPv4Address, source_port: int, to: IPv4Address, to_port: int, payload: bytes) -> p.Packet:
        if protocol == p.UDP:
            datagram = p.Udp(source_port=source_port, destination_port=to_port, payload=payload)
            return p.udp_packet(source, to, datagram)
        segment = p.Tcp(source_port=source_port, destination_port=to_port, flags=p.ACK, payload=payload)
        return p.tcp_packet(source, to, segment)

    asked = made(inside, port, remote, remote_port, asks)
    out = read(nat.outbound(p.build(asked), 1.0))
    mapped = ports(out)[0]
    assert out == made(PUBLIC, mapped, remote, remote_port, asks)
    back = read(nat.inbound(p.build(made(remote, remote_port, PUBLIC, mapped, answers)), 1.0))
    assert back == made(remote, remote_port, inside, port, answers)


@given(INSIDERS, REMOTES, PORTS, PAYLOADS)
def test_a_ping_finds_back_to_who_pinged(
    inside: IPv4Address, remote: IPv4Address, identifier: int, data: bytes
) -> None:
    nat = gateway()
    out = read(nat.outbound(echo(inside, remote, identifier, data), 1.0))
    assert (out.source, out.destination) == (PUBLIC, remote)
    mapped = int.from_bytes(out.payload[4:6], "big")
    back = read(nat.inbound(echo(remote, PUBLIC, mapped, data, kind=0), 1.0))
    assert back == p.parse(echo(remote, inside, identifier, data, kind=0))


def test_an_echo_reply_of_nothing_but_zeros_keeps_a_checksum_that_holds() -> None:
    nat = gateway()
    mapped = int.from_bytes(read(nat.outbound(echo(PHONE, SERVER, 0), 0.0)).payload[4:6], "big")
    assert mapped != 0
    assert read(nat.inbound(echo(SERVER, PUBLIC, mapped, kind=0), 0.0)).payload == b"\0\0\xff\xff\0\0\0\0"


@given(st.binary(max_size=90), st.booleans())
def test_junk_is_dropped_or_passed_and_never_an_error(raw: bytes, is_headed: bool) -> None:
    if is_headed:  # so that it gets past the first look
        raw = b"\x45\0\0\x54\0\0\0\0\x40" + raw[:1] + b"\0\0" + HOME[9].packed + PUBLIC.packed + raw[1:]
    for ask in (gateway().outbound, gateway().inbound):
        result = ask(bytearray(raw), 0.0)
        assert result is None or p.parse(result) == p.parse(result[: len(raw)])


@given(st.lists(st.tuples(st.sampled_from(["out", "in"]), st.binary(min_size=20, max_size=80)), max_size=20))
def test_a_stream_of_damaged_packets_leaves_a_working_translation(steps: list[tuple[str, bytes]]) -> None:
    nat = gateway()
    for direction, noise in steps:
        addresses = (PHONE.packed + SERVER.packed) if direction == "out" else (SERVER.packed + PUBLIC.packed)
        raw = b"\x45\0" + noise[:7] + bytes([(1, 6, 17)[noise[0] % 3]]) + noise[10:12] + addresses + noise[12:]
        (nat.outbound if direction == "out" else nat.inbound)(raw, 0.0)
    port = public_port(nat, udp(LAPTOP, 5000, SERVER, 53))
    assert read(nat.inbound(udp(SERVER, 53, PUBLIC, port), 0.0)).destination == LAPTOP


def test_a_udp_datagram_without_a_checksum_goes_without() -> None:
    nat = gateway()
    raw = udp(PHONE, 5000, SERVER, 53)
    bare = raw[:26] + b"\0\0" + raw[28:]
    out = nat.outbound(bare, 0.0)
    assert out is not None
    assert out[26:28] == b"\0\0"


def test_options_of_the_header_are_kept() -> None:
    nat = gateway()
    raw = p.build(replace(p.tcp_packet(PHONE, SERVER, p.Tcp(source_port=4000, destination_port=80)), options=b"\1" * 8))
    out = nat.outbound(raw, 0.0)
    assert out is not None
    assert p.checksum(out[:28]) == 0
    packet = p.parse(out)
    assert packet is not None
    assert (packet.options, packet.source, ports(packet)) == (b"\1" * 8, PUBLIC, (4000, 80))
    assert transport_sum(packet) == 0


# ---------------------------------------------------------------- mapping and filtering


def test_a_free_port_is_kept_and_a_taken_one_changed() -> None:
    nat = gateway()
    assert public_port(nat, udp(PHONE, 5000, SERVER, 53)) == 5000
    assert public_port(nat, udp(LAPTOP, 5000, SERVER, 53)) != 5000
    assert public_port(nat, tcp(LAPTOP, 5000, SERVER, 53)) == 5000, "each protocol has ports of its own"


def test_a_well_known_port_is_mapped_to_another() -> None:
    assert public_port(gateway(), udp(PHONE, 123, SERVER, 123)) >= 1024


def test_one_inside_port_has_one_public_port_whatever_it_talks_to() -> None:
    nat = gateway()
    public_port(nat, udp(PHONE, 5000, OTHER, 1))
    mapped = public_port(nat, udp(LAPTOP, 5000, SERVER, 53))
    assert public_port(nat, udp(LAPTOP, 5000, OTHER, 99)) == mapped


@pytest.mark.parametrize(("source", "port"), [(OTHER, 53), (SERVER, 54)])
def test_only_who_was_talked_to_gets_in(source: IPv4Address, port: int) -> None:
    nat = gateway()
    assert public_port(nat, udp(PHONE, 5000, SERVER, 53)) == 5000
    assert nat.inbound(udp(source, port, PUBLIC, 5000), 0.0) is None
    assert nat.inbound(udp(SERVER, 53, PUBLIC, 5000), 0.0) is not None


def test_nobody_outside_opens_anything() -> None:
    nat = gateway()
    assert nat.inbound(tcp(SERVER, 443, PUBLIC, 22, p.SYN), 0.0) is None
    assert nat.inbound(echo(SERVER, PUBLIC, 1), 0.0) is None
    assert nat.inbound(tcp(SERVER, 443, PHONE, 22, p.SYN), 0.0) is None, "a private address is no way in either"


def test_what_is_not_of_this_translation_passes_untouched() -> None:
    nat = gateway()
    own = udp(PUBLIC, 53, SERVER, 53)
    transit = udp(SERVER, 53, OTHER, 53)
    v6 = b"\x60" + bytes(39)
    for raw in (own, transit, v6):
        assert nat.outbound(raw, 0.0) == raw
    for raw in (transit, v6):
        assert nat.inbound(raw, 0.0) == raw


def test_other_protocols_and_fragments_do_not_leave() -> None:
    nat = gateway()
    assert (
        nat.outbound(p.build(p.Packet(source=PHONE, destination=SERVER, protocol=47, payload=bytes(20))), 0.0) is None
    )
    packet = p.parse(udp(PHONE, 5000, SERVER, 53))
    assert packet is not None
    for fragment in (0x2000, 0x0001):
        assert nat.outbound(p.build(replace(packet, fragment=fragment)), 0.0) is None


def test_a_full_table_takes_nobody_new_and_forgets_nobody_who_talks() -> None:
    nat = gateway()
    for number in range(MAX_SESSIONS):
        assert nat.outbound(udp(PHONE, 1024 + number % 50_000, SERVER, number // 50_000 + 1), 0.0) is not None
    assert nat.outbound(udp(LAPTOP, 1, SERVER, 53), 2.0) is None
    assert nat.inbound(udp(SERVER, 1, PUBLIC, 1024), 2.0) is not None
    later = UDP_LIFETIME_S + 1.0
    assert nat.outbound(udp(LAPTOP, 1, SERVER, 53), later) is not None
    assert nat.inbound(udp(SERVER, 1, PUBLIC, 1024), later) is not None


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("out", "back", "lifetime_s"),
    [
        (udp(PHONE, 5000, SERVER, 53), udp(SERVER, 53, PUBLIC, 5000), UDP_LIFETIME_S),
        (echo(PHONE, SERVER, 5000), echo(SERVER, PUBLIC, 5000, kind=0), ICMP_LIFETIME_S),
        (
            tcp(PHONE, 5000, SERVER, 443, p.SYN),
            tcp(SERVER, 443, PUBLIC, 5000, SYN_ACK),
            TCP_TRANSITORY_LIFETIME_S,
        ),
    ],
    ids=["udp", "echo", "tcp"],
)
def test_an_unanswered_conversation_is_forgotten_when_its_time_is_over(
    out: bytes, back: bytes, lifetime_s: float
) -> None:
    for late_s, is_remembered in ((-0.01, True), (0.01, False)):
        nat = gateway()
        assert nat.outbound(out, 100.0) is not None
        assert (nat.inbound(back, 100.0 + lifetime_s + late_s) is not None) is is_remembered


def established(nat: Nat) -> None:
    nat.outbound(tcp(PHONE, 5000, SERVER, 443, p.SYN), 0.0)
    nat.inbound(tcp(SERVER, 443, PUBLIC, 5000, SYN_ACK), 0.0)
    nat.outbound(tcp(PHONE, 5000, SERVER, 443), 0.0)


@pytest.mark.parametrize(
    ("ends", "lifetime_s"),
    [
        ([], TCP_LIFETIME_S),
        ([("out", p.FIN | p.ACK)], TCP_LIFETIME_S),
        ([("out", p.FIN | p.ACK), ("in", p.FIN | p.ACK)], TCP_TRANSITORY_LIFETIME_S),
        ([("in", p.RST)], TCP_TRANSITORY_LIFETIME_S),
        ([("in", p.RST), ("out", p.SYN), ("in", SYN_ACK), ("out", p.ACK)], TCP_LIFETIME_S),
    ],
)
def test_a_connection_is_remembered_for_two_hours_until_both_ends_or_a_reset_close_it(
    ends: list[tuple[str, int]], lifetime_s: float
) -> None:
    for late_s, is_remembered in ((-0.01, True), (0.01, False)):
        nat = gateway()
        established(nat)
        for direction, flags in ends:
            if direction == "out":
                assert nat.outbound(tcp(PHONE, 5000, SERVER, 443, flags), 0.0) is not None
            else:
                assert nat.inbound(tcp(SERVER, 443, PUBLIC, 5000, flags), 0.0) is not None
        back = nat.inbound(tcp(SERVER, 443, PUBLIC, 5000), lifetime_s + late_s)
        assert (back is not None) is is_remembered


def test_a_port_is_free_again_when_nobody_uses_it() -> None:
    nat = gateway()
    public_port(nat, udp(PHONE, 5000, SERVER, 53))
    assert public_port(nat, udp(LAPTOP, 5000, SERVER, 53), now=UDP_LIFETIME_S + 1) == 5000


def test_a_gateway_that_was_switched_off_knows_nobody() -> None:
    nat = gateway()
    established(nat)
    nat.reset()
    assert nat.inbound(tcp(SERVER, 443, PUBLIC, 5000), 0.0) is None


# ---------------------------------------------------------------- errors


@given(st.sampled_from([p.TCP, p.UDP, p.ICMP]), PORTS, REMOTES)
def test_a_routers_error_reaches_who_sent_the_packet_and_quotes_it_as_it_was_sent(
    protocol: int, port: int, router: IPv4Address
) -> None:
    nat = gateway()
    nat.outbound(udp(LAPTOP, port, SERVER, 33_434), 0.0)  # so that the phone's port may be taken
    sent = {
        p.TCP: tcp(PHONE, port, SERVER, 443, p.SYN),
        p.UDP: udp(PHONE, port, SERVER, 33_434),
        p.ICMP: echo(PHONE, SERVER, port, b"data"),
    }[protocol]
    out = read(nat.outbound(sent, 0.0))
    error = read(nat.inbound(p.build(p.time_exceeded(router, out)), 0.0))
    assert (error.source, error.destination) == (router, PHONE)
    assert p.is_icmp_error(error)
    assert error.payload[8:] == sent[:28], "header, endpoints and checksums as the sender knows them"


def test_an_error_whose_quote_is_longer_is_right_to_its_end() -> None:
    nat = gateway()
    sent = tcp(PHONE, 5000, SERVER, 443, p.SYN)
    nat.outbound(udp(LAPTOP, 5000, SERVER, 53), 0.0)
    out = nat.outbound(sent, 0.0)
    assert out is not None
    message = b"\x0b\0\0\0\0\0\0\0" + out
    message = message[:2] + p.checksum(message).to_bytes(2, "big") + message[4:]
    whole = p.Packet(source=ROUTER, destination=PUBLIC, protocol=p.ICMP, payload=message)
    assert read(nat.inbound(p.build(whole), 0.0)).payload[8:] == sent


def test_an_insiders_error_leaves_in_the_gateways_name_and_quotes_what_the_sender_sent() -> None:
    nat = gateway()
    nat.outbound(udp(PHONE, 5000, SERVER, 53), 0.0)
    mapped = public_port(nat, udp(LAPTOP, 5000, SERVER, 53))
    arrived = udp(SERVER, 53, PUBLIC, mapped)
    delivered = read(nat.inbound(arrived, 0.0))
    error = read(nat.outbound(p.build(p.port_unreachable(LAPTOP, delivered)), 0.0))
    assert (error.source, error.destination) == (PUBLIC, SERVER)
    assert error.payload[8:] == arrived[:28]


def test_an_error_about_what_nobody_sent_is_dropped() -> None:
    nat = gateway()
    stray = p.parse(udp(PUBLIC, 5000, SERVER, 53))
    assert stray is not None
    assert nat.inbound(p.build(p.time_exceeded(ROUTER, stray)), 0.0) is None
    nat.outbound(udp(PHONE, 5000, SERVER, 53), 0.0)
    assert nat.inbound(p.build(p.time_exceeded(ROUTER, stray)), UDP_LIFETIME_S + 1.0) is None
