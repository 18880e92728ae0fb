"""One look at the link: what it tells, what it sends, and that no address leaves it."""

from __future__ import annotations

import asyncio
from dataclasses import astuple
from ipaddress import ip_address
from typing import Any

import pytest

from probe import link
from probe.clock import SystemClock
from probe.itself import machine, modem, routes
from probe.itself.routes import DefaultRoute
from probe.itself.secret import Keyed
from probe.limits import Limits
from probe.net import Datagram, DatagramExchange, HopAnswer, Listening, NoSystemResolverError, SystemNet
from probe.slots import Look

OWN_SIX, GATEWAY, ROUTER = "2a00:1450:4001::7", "192.168.1.1", "198.51.100.3"
HASHED = Keyed(b"k" * 32)


class Path3(SystemNet):
    """A path on which the first and the third router answer, and a resolver that does."""

    async def probe_hop(self, address: str, port: int, hop_limit: int, deadline: float) -> HopAnswer | None:
        if hop_limit in {1, 3}:
            return HopAnswer(GATEWAY if hop_limit == 1 else ROUTER, 0.001)
        raise TimeoutError

    async def exchange_with_system_resolver(
        self, payload: bytes, deadline: float, listening: Listening
    ) -> DatagramExchange:
        return DatagramExchange(
            datagrams=(Datagram(payload[:2] + b"\x80\x00", 0.01),),
            error=None,
            source_port=1,
            bytes_sent=33,
            bytes_received=4,
        )


class Mute(SystemNet):
    """A system that does not hand ICMP errors to programs, and a resolver that is silent."""

    async def probe_hop(self, address: str, port: int, hop_limit: int, deadline: float) -> HopAnswer | None:
        return None

    async def exchange_with_system_resolver(
        self, payload: bytes, deadline: float, listening: Listening
    ) -> DatagramExchange:
        return DatagramExchange(datagrams=(), error=None, source_port=1, bytes_sent=33, bytes_received=0)


class Nothing(SystemNet):
    """A machine from which nothing may be sent."""

    async def probe_hop(self, address: str, port: int, hop_limit: int, deadline: float) -> HopAnswer | None:
        raise AssertionError("a packet was about to be sent")

    async def exchange_with_system_resolver(
        self, payload: bytes, deadline: float, listening: Listening
    ) -> DatagramExchange:
        raise AssertionError("a packet was about to be sent")


@pytest.fixture(autouse=True)
def machine_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_modem() -> None:
        return None

    monkeypatch.setattr(routes, "default_routes", lambda: [DefaultRoute("eth0", ip_address(GATEWAY), 100)])
    monkeypatch.setattr(routes, "is_neighbour", lambda _: True)
    monkeypatch.setattr(machine, "own_addresses", lambda: {"eth0": (ip_address("192.168.1.7"), ip_address(OWN_SIX))})
    monkeypatch.setattr(machine, "boot_id", lambda: "11111111-2222-3333-4444-555555555555")
    monkeypatch.setattr(machine, "power", lambda: ("battery", 40))
    monkeypatch.setattr(modem, "ask", no_modem)


def look(net: SystemNet, **more: Any) -> link.Link:
    return asyncio.run(link.look("9.9.9.9", net, SystemClock(), Limits(), HASHED, **more))


def test_gateway_hops_resolver_and_power_are_told() -> None:
    seen = look(Path3())
    assert (seen.is_gateway_answering, seen.last_hop_answering, seen.is_gateway_neighbour) == (True, 3, True)
    assert seen.hops == (HASHED("address", GATEWAY), None, HASHED("address", ROUTER), None, None, None)
    assert seen.hash_key == HASHED.name != Keyed().name
    assert (seen.is_resolver_answering, seen.power, seen.battery_percent) == (True, "battery", 40)


def test_no_address_and_no_boot_id_leaves_a_look() -> None:
    told = repr(astuple(look(Path3())))
    for secret in (OWN_SIX, "192.168.1", ROUTER, "11111111-2222"):
        assert secret not in told


def test_a_change_of_address_shows_and_the_order_of_addresses_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    before = look(Path3()).addresses_hash
    turned = {"eth0": (ip_address(OWN_SIX), ip_address("192.168.1.7"))}
    monkeypatch.setattr(machine, "own_addresses", lambda: turned)
    assert look(Path3()).addresses_hash == before
    monkeypatch.setattr(machine, "own_addresses", lambda: {"eth0": (ip_address("192.168.1.8"), ip_address(OWN_SIX))})
    assert look(Path3()).addresses_hash != before


@pytest.mark.parametrize(
    ("gateways", "addresses", "has_ipv6"),
    [
        ([GATEWAY], [OWN_SIX], False),  # an address, and no way out
        (["fe80::1"], ["fd00::7"], False),  # a way out, and no address that the world knows
        ([GATEWAY, "fe80::1"], ["192.168.1.7", OWN_SIX], True),
        ([None], [OWN_SIX], True),  # a line that leads to one place
    ],
)
def test_ipv6_is_there_with_a_route_and_a_global_address(
    monkeypatch: pytest.MonkeyPatch, gateways: list[str | None], addresses: list[str], has_ipv6: bool
) -> None:
    found = [DefaultRoute("eth0", ip_address(g) if g else None, 1) for g in gateways]
    monkeypatch.setattr(routes, "default_routes", lambda: found)
    monkeypatch.setattr(machine, "own_addresses", lambda: {"eth0": tuple(map(ip_address, addresses))})
    assert look(Path3()).has_ipv6_route is has_ipv6


def test_system_that_does_not_tell_leaves_the_hops_unknown() -> None:
    seen = look(Mute())
    assert (seen.is_gateway_answering, seen.last_hop_answering, seen.hops) == (None, None, None)
    assert seen.is_resolver_answering is False


def test_a_system_without_a_resolver_says_nothing_of_one() -> None:
    class Without(Mute):
        async def exchange_with_system_resolver(
            self, payload: bytes, deadline: float, listening: Listening
        ) -> DatagramExchange:
            raise NoSystemResolverError

    assert look(Without()).is_resolver_answering is None


def test_nothing_is_sent_without_a_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "default_routes", list)
    seen = look(Nothing())
    assert (seen.has_default_route, seen.has_ipv6_route, seen.is_gateway_answering) == (False, False, None)


def test_modem_is_read_offline_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused() -> modem.Modem:
        return modem.Modem(registration="home", failure="ServiceOptionOutOfOrder")

    monkeypatch.setattr(routes, "default_routes", list)
    monkeypatch.setattr(modem, "ask", refused)
    seen = look(Nothing())
    assert (seen.modem_registration, seen.modem_failure) == ("home", "ServiceOptionOutOfOrder")


@pytest.mark.parametrize("step_s", [-3600.0, -30.0, 30.0, 86_400.0])
def test_a_step_of_the_clock_is_told_and_is_no_sleep(step_s: float) -> None:
    now = Look.at(SystemClock())
    stepped = Look(now.wall.fromtimestamp(now.wall.timestamp() - step_s, now.wall.tzinfo), now.mono_s, now.suspended_s)
    seen = look(Path3(), before=stepped)
    assert seen.clock_step_s == pytest.approx(step_s, abs=0.5)
    assert seen.suspended_s == pytest.approx(0, abs=0.1)


def test_a_sleep_is_told_and_is_no_step_of_the_clock() -> None:
    now = Look.at(SystemClock())
    asleep_s = 8 * 3600.0
    wall = now.wall.fromtimestamp(now.wall.timestamp() - asleep_s, now.wall.tzinfo)
    seen = look(Path3(), before=Look(wall, now.mono_s, now.suspended_s - asleep_s))
    assert seen.suspended_s == pytest.approx(asleep_s, abs=0.5)
    assert seen.since_last_s == pytest.approx(asleep_s, abs=0.5)
    assert seen.clock_step_s == 0.0
