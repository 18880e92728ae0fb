"""VPNs, modems and containers: which of them carry the vantage's packets elsewhere."""

from __future__ import annotations

import sys
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from probe.itself import machine, ways_out
from probe.net import SystemNet

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says of interfaces")

ADDRESSES = {
    "eth0": (ip_address("192.168.1.7"),),
    "tun0": (ip_address("10.8.0.2"),),
    "wg0": (ip_address("10.9.0.2"),),
    "ppp0": (ip_address("10.64.0.9"),),
    "wwan0": (ip_address("10.65.0.9"),),
    "clat": (ip_address("192.0.0.1"),),
}


@pytest.fixture
def interfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, (kind, uevent) in {
        "eth0": ("1", "INTERFACE=eth0\n"),
        "tun0": ("65534", "INTERFACE=tun0\n"),
        "wg0": ("65534", "DEVTYPE=wireguard\nINTERFACE=wg0\n"),
        "ppp0": ("512", "DEVTYPE=ppp\n"),
        "wwan0": ("65534", "DEVTYPE=wwan\nINTERFACE=wwan0\n"),
        "clat": ("65534", "INTERFACE=clat\n"),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "type").write_text(f"{kind}\n")
        (tmp_path / name / "uevent").write_text(uevent)
    for name in ("tun0", "clat"):
        (tmp_path / name / "tun_flags").write_text("0x1001\n")
    monkeypatch.setattr(ways_out, "INTERFACES", tmp_path)
    monkeypatch.setattr(machine, "own_addresses", lambda: ADDRESSES)
    monkeypatch.setattr(machine, "interfaces_up", lambda: sorted(ADDRESSES))
    return tmp_path


@pytest.mark.usefixtures("interfaces")
@pytest.mark.parametrize(
    ("own", "kind"),
    [
        ("192.168.1.7", "line"),
        ("10.8.0.2", "tunnel"),
        ("10.9.0.2", "tunnel"),
        ("10.64.0.9", "ppp"),
        ("10.65.0.9", "line"),  # a modem that carries bare IP, and is no tunnel
        ("192.0.0.1", "line"),  # 464XLAT: how a line of IPv6 alone carries IPv4
    ],
)
def test_the_kind_of_the_way_out_is_told(own: str, kind: str) -> None:
    assert ways_out.way_out(own)[0] == kind


@pytest.mark.usefixtures("interfaces")
def test_nothing_is_told_without_a_way_out() -> None:
    assert ways_out.way_out(None) == (None, None)
    assert ways_out.way_out("203.0.113.5") == (None, None)


@pytest.mark.usefixtures("interfaces")
@pytest.mark.parametrize(("up", "is_over"), [(["eth0", "tun0"], True), (["tun0"], False), (["tun0", "wg0"], False)])
def test_a_tunnel_runs_over_another_line_or_is_the_line(
    monkeypatch: pytest.MonkeyPatch, up: list[str], is_over: bool
) -> None:
    monkeypatch.setattr(machine, "interfaces_up", lambda: up)
    assert ways_out.way_out("10.8.0.2") == ("tunnel", is_over)


@pytest.mark.usefixtures("interfaces")
def test_an_interface_that_the_system_does_not_show_has_no_kind() -> None:
    assert ways_out.kind_of("nb0") is None
    assert ways_out.kind_of("../eth0") is None


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "all_proxy"])
def test_proxies_of_the_environment_are_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    assert not ways_out.has_proxy_settings()
    monkeypatch.setenv("no_proxy", "localhost")
    assert not ways_out.has_proxy_settings()
    monkeypatch.setenv(name, "http://192.0.2.9:3128")
    assert ways_out.has_proxy_settings()


def test_our_own_address_is_told_without_a_packet() -> None:
    net = SystemNet(may_dial=lambda _: True)
    assert net.own_address_towards("127.0.0.1") == "127.0.0.1"
    assert SystemNet().own_address_towards("127.0.0.1") is None  # not an address that a probe dials
