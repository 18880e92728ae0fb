"""Default routes and the gateway's presence, from the kernel's own tables."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.itself import routes

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's routing tables")

UP = "eth0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0"
DOWN = "eth0 00000000 0101A8C0 0002 0 0 100 00000000 0 0 0"
WORSE = "wlan0 00000000 010200C0 0003 0 0 600 00000000 0 0 0"
SUBNET = "eth0 0001A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0"
HALF = "tun0 00000000 0101A8C0 0003 0 0 100 00000080 0 0 0"  # 0.0.0.0/1, as tunnels set it
V6_UP = f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 27}1 00000400 00000001 00000000 00450003 eth0"
V6_REJECT = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200 lo"
ARP = "IP address       HW type     Flags       HW address            Mask     Device"


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(routes, "TABLES", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("v4", "v6", "has_route"),
    [
        ([UP], [], True),
        ([DOWN], [], False),
        ([SUBNET], [], False),
        ([HALF], [], False),
        ([SUBNET, UP], [], True),
        ([], [V6_UP], True),
        ([], [V6_REJECT], False),
        ([], [], False),
    ],
)
def test_default_route_is_read_from_the_kernels_tables(
    tables: Path, v4: list[str], v6: list[str], has_route: bool
) -> None:
    (tables / "route").write_text("\n".join(["Iface Destination Gateway Flags", *v4]))
    (tables / "ipv6_route").write_text("\n".join(v6))
    assert routes.has_default_route() is has_route


def test_the_gateway_of_the_preferred_route_comes_first(tables: Path) -> None:
    (tables / "route").write_text(f"Iface\n{WORSE}\n{UP}")
    (tables / "ipv6_route").write_text(V6_UP)
    found = routes.default_routes() or []
    assert [(route.interface, route.gateway) for route in found] == [
        ("eth0", ip_address("192.168.1.1")),
        ("wlan0", ip_address("192.0.2.1")),
        ("eth0", ip_address("fe80::1")),
    ]


@pytest.mark.parametrize(
    ("line", "is_there"),
    [
        ("192.168.1.1      0x1         0x2         02:00:00:00:00:05     *        eth0", True),
        ("192.168.1.1      0x1         0x0         00:00:00:00:00:00     *        eth0", False),
        ("192.168.1.2      0x1         0x2         02:00:00:00:00:05     *        eth0", None),
        ("garbage", None),
    ],
)
def test_a_gateway_is_there_while_it_says_where_it_is(tables: Path, line: str, is_there: bool | None) -> None:
    (tables / "arp").write_text(f"{ARP}\n{line}\n")
    assert routes.is_neighbour(ip_address("192.168.1.1")) is is_there


def test_nothing_is_known_of_a_gateway_without_arp(tables: Path) -> None:
    assert routes.is_neighbour(None) is None
    assert routes.is_neighbour(ip_address("fe80::1")) is None
    assert routes.is_neighbour(ip_address("192.168.1.1")) is None  # the table is missing


@given(st.text(alphabet="0123456789abcdefgx \t\n", max_size=200))
def test_any_line_is_read_or_passed_over(text: str) -> None:
    for line in text.split("\n"):
        routes._default_v4(line.split())
        routes._default_v6(line.split())
