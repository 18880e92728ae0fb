"""Packets: what is built can be read again, checksums hold, and junk is refused quietly."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from hypothesis import given
from hypothesis import strategies as st

from lab import packet as p

ADDRESS_PAIRS = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**32 - 1).map(IPv4Address)),
    st.tuples(st.integers(0, 2**128 - 1).map(IPv6Address), st.integers(0, 2**128 - 1).map(IPv6Address)),
)
PORTS = st.integers(0, 65_535)
NUMBERS = st.integers(0, 2**32 - 1)
PAYLOADS = st.binary(max_size=200)

SEGMENTS = st.builds(
    p.Tcp,
    source_port=PORTS,
    destination_port=PORTS,
    sequence=NUMBERS,
    acknowledgement=NUMBERS,
    flags=st.integers(0, 255),
    window=PORTS,
    options=st.binary(max_size=10).map(lambda options: options * 4),
    payload=PAYLOADS,
)
DATAGRAMS = st.builds(p.Udp, source_port=PORTS, destination_port=PORTS, payload=PAYLOADS)


def transport_sum(packet: p.Packet) -> int:
    """The Internet checksum over pseudo-header and segment: 0 where the one inside is right."""
    length = len(packet.payload)
    if packet.version == 4:
        pseudo = packet.source.packed + packet.destination.packed + bytes([0, packet.protocol])
        return p.checksum(pseudo + length.to_bytes(2, "big") + packet.payload)
    pseudo = packet.source.packed + packet.destination.packed + length.to_bytes(4, "big") + bytes([0, 0, 0])
    return p.checksum(pseudo + bytes([packet.protocol]) + packet.payload)


def test_the_checksum_is_that_of_the_rfcs_example() -> None:
    # RFC 1071, section 3: the sum of 0001 f203 f4f5 f6f7 is ddf2.
    assert p.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2 ^ 0xFFFF


@given(ADDRESS_PAIRS, SEGMENTS, st.integers(0, 255))
def test_a_tcp_packet_reads_back_as_it_was_written_with_right_checksums(
    addresses: tuple[p.Address, p.Address], segment: p.Tcp, hop_limit: int
) -> None:
    from dataclasses import replace

    packet = replace(p.tcp_packet(*addresses, segment), hop_limit=hop_limit)
    if packet.version == 6:
        packet = replace(packet, fragment=0)
    raw = p.build(packet)
    assert p.parse(raw) == packet
    assert p.parse_tcp(packet) == segment
    assert transport_sum(packet) == 0
    if packet.version == 4:
        assert p.checksum(raw[:20]) == 0


@given(ADDRESS_PAIRS, DATAGRAMS)
def test_a_udp_packet_reads_back_as_it_was_written(addresses: tuple[p.Address, p.Address], datagram: p.Udp) -> None:
    packet = p.udp_packet(*addresses, datagram)
    assert p.parse_udp(packet) == datagram
    assert transport_sum(packet) == 0
    assert packet.payload[6:8] != b"\0\0"  # zero would mean: no checksum


@given(st.binary(max_size=120))
def test_junk_is_no_packet_or_one_whose_parts_can_be_asked_for(raw: bytes) -> None:
    packet = p.parse(raw)
    if packet is None:
        return
    assert packet.length_bytes <= len(raw)
    for read in (p.parse_tcp, p.parse_udp, p.echo_reply, p.reset_for):
        read(packet)
    assert p.parse(p.build(packet)) is not None


@given(ADDRESS_PAIRS, SEGMENTS)
def test_an_icmp_error_quotes_the_packet_and_is_known_as_an_error(
    addresses: tuple[p.Address, p.Address], segment: p.Tcp
) -> None:
    packet = p.tcp_packet(*addresses, segment)
    router = ip_address("62.115.0.1" if packet.version == 4 else "2001:2034::1")
    error = p.time_exceeded(router, packet)
    assert p.is_icmp_error(error)
    assert error.destination == packet.source
    assert error.payload[8:28] == p.build(packet)[:20]
    assert error.length_bytes <= 1280
    checked = p.checksum(error.payload) if packet.version == 4 else transport_sum(error)
    assert checked == 0


def test_a_reset_to_a_syn_acknowledges_it() -> None:
    client, server = ip_address("2.72.1.10"), ip_address("45.60.1.1")
    syn = p.tcp_packet(client, server, p.Tcp(source_port=40_001, destination_port=443, sequence=99, flags=p.SYN))
    reset = p.reset_for(syn)
    assert reset is not None
    segment = p.parse_tcp(reset)
    assert segment is not None
    assert (reset.source, reset.destination) == (server, client)
    assert (segment.acknowledgement, segment.flags) == (100, p.RST | p.ACK)
    assert p.reset_for(reset) is None, "a reset must never be answered by one"
