"""Captures: other people's tools read what we write, and the file stays within its bound."""

from __future__ import annotations

import os
import struct
import subprocess
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest

from lab import packet as p
from lab.capture import Capture
from probe.errors import UserError
from tests.lab.conftest import tool

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2011, 12, 16, 9, 0, 0, 123_456, tzinfo=UTC)
V4 = p.build(
    p.udp_packet(
        IPv4Address("2.72.1.10"),
        IPv4Address("45.60.1.1"),
        p.Udp(source_port=5000, destination_port=50505, payload=b"."),
    )
)
V6 = p.build(
    p.tcp_packet(
        IPv6Address("2a00:5da0:1::10"),
        IPv6Address("2a02:e980:1::1"),
        p.Tcp(source_port=40_001, destination_port=443, sequence=7, flags=p.SYN),
    )
)


@pytest.fixture
def captured(tmp_path: Path) -> Path:
    capture = Capture(tmp_path / "link.pcap")
    capture.write(V4, AT)
    capture.write(bytearray(V6), AT.timestamp() + 0.25)
    capture.close()
    return tmp_path / "link.pcap"


def output(*command: str) -> str:
    return subprocess.run(
        [tool(command[0]), *command[1:]], capture_output=True, check=True, text=True, timeout=20
    ).stdout


def test_tcpdump_reads_the_packets_at_the_scenarios_time(captured: Path) -> None:
    first, second = output("tcpdump", "-n", "-tt", "-vv", "-r", str(captured)).replace("\n    ", " ").splitlines()
    assert first.startswith("1324026000.123456 IP ")
    assert "2.72.1.10.5000 > 45.60.1.1.50505: [udp sum ok] UDP, length 1" in first
    assert second.startswith("1324026000.373456 IP6 ")
    assert "2a00:5da0:1::10.40001 > 2a02:e980:1::1.443: Flags [S]" in second
    assert "(correct)" in second


def test_tshark_reads_the_packets_and_finds_nothing_malformed(captured: Path) -> None:
    fields = ("ip.src", "udp.dstport", "udp.length", "ipv6.dst", "tcp.srcport", "_ws.malformed")
    lines = output("tshark", "-r", str(captured), "-T", "fields", *(x for field in fields for x in ("-e", field)))
    assert lines.splitlines() == ["2.72.1.10\t50505\t9\t\t\t", "\t\t\t2a02:e980:1::1\t40001\t"]


def test_a_capture_stops_at_its_bound_with_whole_packets_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "small.pcap"
    capture = Capture(path, max_bytes=24 + 2 * (16 + len(V4)) + 15)
    for _ in range(5):
        capture.write(V4, AT)
    capture.write(b"", AT)  # it would fit, but a capture has no holes
    capture.close()
    assert path.stat().st_size == 24 + 2 * (16 + len(V4))
    assert path.read_bytes()[-len(V4) :] == V4
    assert capture.notice is not None
    assert "small.pcap: the capture reached its bound of 129 bytes and leaves out the 4 packets" in capture.notice


def test_a_capture_within_its_bound_has_nothing_to_say(tmp_path: Path) -> None:
    capture = Capture(tmp_path / "x.pcap")
    capture.write(V4, AT)
    assert capture.notice is None
    capture.close()


def test_a_file_that_takes_no_more_ends_the_capture_and_not_the_run(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    capture = Capture(path)
    os.close(reading)
    capture.write(V4, AT)
    capture.write(V4, AT)
    capture.close()
    assert capture.notice is not None
    assert "the capture could not go on (Broken pipe) and leaves out the 2 packets" in capture.notice


def test_every_packet_is_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    capture = Capture(path)
    capture.write(V4, AT)
    assert path.read_bytes().endswith(V4)
    capture.close()


def test_a_stamp_just_below_a_second_does_not_become_one_of_a_million_microseconds(tmp_path: Path) -> None:
    path = tmp_path / "x.pcap"
    capture = Capture(path)
    capture.write(V4, 99.9999999)
    capture.close()
    assert struct.unpack_from("<II", path.read_bytes(), 24) == (100, 0)


def test_a_path_where_no_file_can_be_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be written.*choose a path"):
        Capture(tmp_path / "missing" / "x.pcap")
