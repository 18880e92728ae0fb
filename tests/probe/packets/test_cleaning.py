"""What is kept of a packet holds no address of the volunteer's, in any spelling, and nothing that it follows from."""

from __future__ import annotations

import base64
import struct
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.packets import pcap
from probe.packets.cleaning import cleaned
from probe.packets.ends import ends_of
from probe.packets.flow import Flow

inet = pytest.importorskip("scapy.layers.inet")
inet6 = pytest.importorskip("scapy.layers.inet6")

OWN, OWN_OUTSIDE, PEER, ROUTER = "81.2.69.142", "81.2.70.7", "93.184.216.34", "62.115.0.1"
OWN_SIX, PEER_SIX = "2a00:5da0:1::10", "2606:2800:220:1::1"
FLOWS = frozenset({Flow(PEER, 443, 45_001), Flow(PEER_SIX, 443, 45_001)})


def spellings(text: str) -> list[bytes]:
    """Ten ways in which an address stands in bytes."""
    address = ip_address(text)
    number = int(address)
    return [
        address.packed,
        address.packed[::-1],
        text.encode(),
        str(number).encode(),
        address.packed.hex().encode(),
        address.packed.hex().upper().encode(),
        ".".join(reversed(text.split("."))).encode(),
        text.replace(".", "-").encode(),
        base64.b64encode(text.encode()),
        b"::ffff:" + address.packed[:2].hex().encode() + b":" + address.packed[2:].hex().encode(),
    ]


def tcp(source: str, destination: str, sport: int, dport: int, **fields: Any) -> Any:
    head = inet6.IPv6 if ":" in source else inet.IP
    payload = b"".join(spellings(OWN))
    return head(src=source, dst=destination) / inet.TCP(sport=sport, dport=dport, **fields) / payload


INBOUND = tcp(PEER, OWN, 443, 45_001, flags="RA", options=[("MSS", 1400), ("Timestamp", (77, 88))])
OUTBOUND = tcp(OWN, PEER, 45_001, 443, flags="PA", options=[("Timestamp", (99, 1)), ("MSS", 1452)])
QUOTING = (
    inet.IP(src=ROUTER, dst=OWN)
    / inet.ICMP(type=11, code=0)
    / bytes(tcp(OWN_OUTSIDE, PEER, 45_001, 443, options=[("Timestamp", (99, 1))]))
)


@pytest.mark.parametrize("packet", [INBOUND, OUTBOUND, QUOTING], ids=["in", "out", "icmp"])
def test_no_spelling_of_our_address_is_left_and_every_end_is_a_named_one(packet: Any) -> None:
    kept = cleaned(bytes(packet), FLOWS)
    assert kept is not None
    for own in (OWN, OWN_OUTSIDE):
        assert not [spelling for spelling in spellings(own) if spelling in kept]
    assert ends_of(kept).are_harmless({PEER})


def test_our_address_cannot_be_reckoned_from_a_checksum() -> None:
    """With all other fields known, a checksum is sixteen bits of the one that was replaced."""
    kept = cleaned(bytes(tcp(OWN, PEER, 45_001, 443)), FLOWS)
    assert kept is not None
    assert kept[10:12] == kept[20 + 16 : 20 + 18] == b"\0\0"
    quoting = cleaned(bytes(QUOTING), FLOWS)
    assert quoting is not None
    assert quoting[10:12] == quoting[22:24] == quoting[28 + 10 : 28 + 12] == b"\0\0"


def test_what_tells_a_forged_packet_is_kept() -> None:
    packet = tcp(PEER, OWN, 443, 45_001, flags="RA", seq=7, window=1234)
    packet.ttl, packet.id = 61, 4242
    kept = cleaned(bytes(packet), FLOWS)
    assert kept is not None
    again = inet.IP(kept)
    assert (again.ttl, again.id, again[inet.TCP].window, int(again[inet.TCP].flags)) == (61, 4242, 1234, 0x14)
    assert again.len == len(bytes(packet)), "the length on the wire stays, though the payload is gone"


@pytest.mark.parametrize(("packet", "is_kept"), [(INBOUND, True), (OUTBOUND, False)], ids=["the peer's", "ours"])
def test_options_of_ours_go_and_time_stamps_of_all(packet: Any, *, is_kept: bool) -> None:
    kept = cleaned(bytes(packet), FLOWS)
    assert kept is not None
    names = [name for name, _ in inet.IP(kept)[inet.TCP].options]
    assert "Timestamp" not in names
    assert ("MSS" in names) is is_kept


def test_six_is_cleaned_alike() -> None:
    kept = cleaned(bytes(tcp(OWN_SIX, PEER_SIX, 45_001, 443)), FLOWS)
    assert kept is not None
    assert ip_address(OWN_SIX).packed not in kept
    assert ends_of(kept).are_harmless({PEER_SIX})


@pytest.mark.parametrize("router", ["192.168.1.1", "100.64.3.1", "81.2.69.1"])
def test_a_router_that_may_stand_in_the_house_is_not_named(router: str) -> None:
    packet = QUOTING.copy()
    packet.src = router
    kept = cleaned(bytes(packet), FLOWS)
    assert kept is not None
    assert ip_address(router).packed not in kept
    assert ends_of(kept).are_harmless({PEER})


@pytest.mark.parametrize(
    "packet",
    [
        tcp(PEER, OWN, 443, 45_002),
        tcp(PEER, OWN, 80, 45_001),
        tcp(ROUTER, OWN, 443, 45_001),
        inet.IP(src=PEER, dst=OWN) / inet.UDP(sport=443, dport=45_001) / b"data",
        inet.IP(src=ROUTER, dst=OWN) / inet.ICMP(type=11) / bytes(tcp(OWN, ROUTER, 45_001, 443)),
    ],
)
def test_packets_of_other_connections_are_not_kept(packet: Any) -> None:
    assert cleaned(bytes(packet), FLOWS) is None


@given(st.binary(max_size=120), st.sampled_from([INBOUND, OUTBOUND, QUOTING]), st.integers(0, 60))
def test_whatever_is_kept_of_mangled_packets_is_harmless(noise: bytes, packet: Any, at: int) -> None:
    whole = bytes(packet)
    kept = cleaned(whole[:at] + noise + whole[at + len(noise) :], FLOWS)
    if kept is not None:
        assert ends_of(kept).are_harmless({PEER, PEER_SIX})
        assert ip_address(OWN).packed not in kept


@pytest.mark.parametrize(
    ("source", "destination"), [(OWN, PEER), (PEER, OWN), ("192.0.2.1", ROUTER), (ROUTER, "192.0.2.1"), (PEER, PEER)]
)
def test_a_packet_with_any_other_end_is_told_from_a_harmless_one(source: str, destination: str) -> None:
    bare = inet.IP(src=source, dst=destination) / inet.TCP(sport=443, dport=45_001)
    assert not ends_of(bytes(bare)).are_harmless({PEER})


def test_a_payload_is_told_from_a_harmless_packet() -> None:
    bare = inet.IP(src=PEER, dst="192.0.2.1") / inet.TCP(sport=443, dport=45_001)
    assert ends_of(bytes(bare)).are_harmless({PEER})
    assert not ends_of(bytes(bare / b"hello")).are_harmless({PEER})


@given(st.binary(max_size=200))
def test_a_file_that_is_no_capture_is_refused(content: bytes) -> None:
    made = pcap.write([pcap.Packet(0.5, b"abc", 60)])
    for candidate in (content, made + content, made[:24] + content):
        try:
            packets = pcap.read(candidate)
        except pcap.BadCaptureError:
            continue
        assert sum(len(packet.data) for packet in packets) <= len(candidate)


def test_a_capture_reads_back_as_it_was_written() -> None:
    packets = [pcap.Packet(0.0, b"abc", 60), pcap.Packet(1.25, b"", 0)]
    assert pcap.read(pcap.write(packets)) == packets
    (linktype,) = struct.unpack_from("<I", pcap.write([]), 20)
    assert linktype == 101, "bare IP: no link-layer address can be in it"
