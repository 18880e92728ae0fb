"""What a vantage knows of its own link, from the kernel's own tables."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from probe import link
from probe.clock import SystemClock
from probe.limits import Limits
from probe.net import HopAnswer, SystemNet

if TYPE_CHECKING:
    from pathlib import Path

UP = "eth0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0"
DOWN = "eth0 00000000 0101A8C0 0002 0 0 100 00000000 0 0 0"
SUBNET = "eth0 0001A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0"
HALF = "tun0 00000000 0101A8C0 0003 0 0 100 00000080 0 0 0"  # 0.0.0.0/1, as tunnels set it
V6_UP = f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 27}1 00000400 00000001 00000000 00450003 eth0"
V6_REJECT = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200 lo"


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's routing tables")
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, v4: list[str], v6: list[str], has_route: bool
) -> None:
    (tmp_path / "route").write_text("\n".join(["Iface Destination Gateway Flags", *v4]))
    (tmp_path / "ipv6_route").write_text("\n".join(v6))
    monkeypatch.setattr(link, "ROUTE_TABLES", tmp_path)
    assert link.has_default_route() is has_route


class Path3(SystemNet):
    """A path on which the first and the third router answer."""

    async def probe_hop(self, address: str, port: int, hop_limit: int, deadline: float) -> HopAnswer | None:
        if hop_limit in {1, 3}:
            return HopAnswer("192.0.2.1", 0.001)
        raise TimeoutError


class Mute(SystemNet):
    """A system that does not hand ICMP errors to programs."""

    async def probe_hop(self, address: str, port: int, hop_limit: int, deadline: float) -> HopAnswer | None:
        return None


def look(net: SystemNet, monkeypatch: pytest.MonkeyPatch, *, has_route: bool | None = True) -> link.Link:
    monkeypatch.setattr(link, "has_default_route", lambda: has_route)
    return asyncio.run(link.look("9.9.9.9", net, SystemClock(), Limits()))


def test_gateway_and_the_furthest_hop_that_answered_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = look(Path3(), monkeypatch)
    assert (seen.is_gateway_answering, seen.last_hop_answering) == (True, 3)


def test_system_that_does_not_tell_leaves_the_hops_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = look(Mute(), monkeypatch)
    assert (seen.is_gateway_answering, seen.last_hop_answering) == (None, None)


def test_nothing_is_sent_without_a_route(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(SystemNet):
        async def probe_hop(self, address: str, port: int, hop_limit: int, deadline: float) -> HopAnswer | None:
            raise AssertionError("a packet was about to be sent")

    seen = look(Refusing(), monkeypatch, has_route=False)
    assert seen.has_default_route is False
    assert seen.is_gateway_answering is None
