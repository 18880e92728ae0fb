"""Damage that picks some out, by where packets go or by how long they are, and spares the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.wired import wired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.wired import Wired

SITE, SITE_V6, SENTINEL, LOCAL = "62.115.1.1", "2001:2034:1::1", "62.115.0.10", "92.46.0.10"


@pytest.fixture
def net() -> Iterator[Wired]:
    with wired() as net:
        yield net


def test_a_lost_route_takes_its_own_prefix_and_nothing_beside_it(net: Wired) -> None:
    net.strike("route-lost", "{routers: [border], prefixes: [62.115.1.0/24]}")
    assert net.ping("outer", SITE) is None
    assert net.reaches("outer", SENTINEL)
    assert net.reaches("outer", SITE_V6)
    assert net.reaches("outer", LOCAL)


def test_a_route_lost_at_one_router_is_whole_for_those_who_do_not_cross_it(net: Wired) -> None:
    net.strike("route-lost", "{routers: [border], prefixes: [62.115.1.0/24]}")
    assert net.reaches("sentinel", SITE)


@pytest.mark.parametrize(("host", "address", "header_bytes"), [("outer", SITE, 20), ("outer", SITE_V6, 40)])
def test_what_is_longer_than_the_buffer_is_lost_and_what_just_fits_is_not(
    net: Wired, host: str, address: str, header_bytes: int
) -> None:
    net.strike("long-packets-lost", "{routers: [border], networks: [town], longest_bytes: 600}")
    fitting = 600 - header_bytes - 8  # an echo request's own header
    assert net.ping(host, address, size=fitting) is not None
    assert net.ping(host, address, size=fitting + 1) is None


def test_long_packets_of_other_senders_pass_the_faulty_buffer(net: Wired) -> None:
    net.strike("long-packets-lost", "{routers: [border], networks: [town], longest_bytes: 600}")
    assert net.ping("villager", SITE, size=1200) is not None
    assert net.ping("sentinel", "2.72.0.10", size=1200) is None, "outer's long answer is lost on its way"


@pytest.mark.parametrize(
    ("kind", "yaml"),
    [
        ("route-lost", "{routers: [nowhere], prefixes: [62.115.1.0/24]}"),
        ("long-packets-lost", "{routers: [nowhere], networks: [town], longest_bytes: 600}"),
        ("long-packets-lost", "{routers: [border], networks: [nobody], longest_bytes: 600}"),
    ],
)
def test_what_the_topology_does_not_have_is_not_struck(net: Wired, kind: str, yaml: str) -> None:
    with pytest.raises(LookupError, match=r"nowhere|nobody"):
        net.strike(kind, yaml)
