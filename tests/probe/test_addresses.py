from __future__ import annotations

from ipaddress import IPv6Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.addresses import is_public_address, parse_address
from probe.net import SystemNet

if TYPE_CHECKING:
    from ipaddress import IPv4Address


INWARD = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.251",
    "239.1.1.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2002:c0a8:101::",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2a00:1450:4001::1%eth0",
    "fec0::1",
    "ff02::1",
    "100::1",
]

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "172.15.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize("text", INWARD)
def test_an_inward_or_special_address_is_not_dialled(text: str) -> None:
    assert SystemNet().may_dial(text) is False


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_dialled(text: str) -> None:
    assert SystemNet().may_dial(text) is True


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.0.0.1", "010.0.0.1", "1.1.1.1:80"])
def test_text_that_is_no_address_is_not_dialled(text: str) -> None:
    assert parse_address(text) is None
    assert SystemNet().may_dial(text) is False


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_that_python_holds_for_special_is_public(address: IPv4Address) -> None:
    if address.is_multicast or not address.is_global:
        assert not is_public_address(address)


@given(st.ip_addresses(v=4), st.sampled_from(["64:ff9b::", "2002::"]))
def test_an_embedded_address_is_as_public_as_itself(address: IPv4Address, prefix: str) -> None:
    shift = 0 if prefix == "64:ff9b::" else 80
    embedding = IPv6Address(int(IPv6Address(prefix)) | int(address) << shift)
    assert is_public_address(embedding) == is_public_address(address)
