"""Whose address may be kept of those that say that a hop limit ran out."""

from __future__ import annotations

import pytest

from probe.icmp import IcmpError
from probe.limited import LimitedAnswer, is_near
from probe.net import SystemNet
from probe.rungs import Seen, seen_of
from probe.steps.trigger import storable_address


@pytest.mark.parametrize(
    ("own", "other", "is_so"),
    [
        ("81.2.69.142", "81.2.69.1", True),
        ("81.2.69.142", "81.2.70.1", False),
        ("192.168.1.10", "192.168.1.1", True),
        ("2a00:5da0:1::10", "2a00:5da0:1:ffff::1", True),  # a home may have a whole /48
        ("2a00:5da0:1::10", "2a00:5da0:2::1", False),
        ("2a00:5da0:1::10", "81.2.69.1", True),  # cannot be held against each other
    ],
)
def test_who_shares_our_network_is_near(own: str, other: str, *, is_so: bool) -> None:
    assert is_near(own, other) is is_so


@pytest.mark.parametrize(
    ("address", "hop_limit", "near", "kept"),
    [
        ("62.115.0.1", 4, False, "62.115.0.1"),
        ("62.115.0.1", 1, False, None),
        ("62.115.0.1", 4, True, None),
        ("10.20.0.1", 3, False, None),  # the operator's, perhaps; the volunteer's, perhaps
        ("100.64.0.1", 3, False, None),
    ],
)
def test_an_address_is_kept_only_of_a_public_router_beyond_the_home(
    address: str, hop_limit: int, *, near: bool, kept: str | None
) -> None:
    error = IcmpError(address, 11, 0, OSError())
    answer = LimitedAnswer(came=None, delay_s=0.1, source_port=45_001, icmp_errors=1, icmp=error, is_near=near)
    assert storable_address(answer, hop_limit, SystemNet()) == kept


@pytest.mark.parametrize(
    ("operation", "failure", "icmp", "seen"),
    [
        ("tls", "host_unreachable", (None, None), Seen.DROPPED),
        ("dns", "host_unreachable", (11, 0), Seen.DROPPED),
        ("dns", "host_unreachable", (3, 0), Seen.DROPPED),  # of ICMPv6: time exceeded
        ("dns", "host_unreachable", (3, 3), Seen.ANSWERED),  # the peer: nobody listens
        ("dns", "host_unreachable", (1, 4), Seen.ANSWERED),  # the same of ICMPv6
        ("dns", "dns_malformed_reply", (None, None), Seen.ANSWERED),
        ("tls", None, (None, None), Seen.ANSWERED),
        ("tls", "connection_reset", (None, None), Seen.ENDED),
        ("http", "eof_error", (None, None), Seen.ENDED),
        ("http", "generic_timeout_error", (None, None), Seen.SILENT),
        ("tcp", "connection_reset", (None, None), Seen.UNCONNECTED),
    ],
)
def test_a_rung_is_read_by_what_came_back(
    operation: str, failure: str | None, icmp: tuple[int | None, int | None], seen: Seen
) -> None:
    assert seen_of(operation, failure, icmp) is seen
