"""One look at the vantage's own link: carrier, addresses, route, gateway, first hops, resolver, power, modem.

It is what tells a router that was unplugged (`local`) from a cable that burnt a
hundred kilometres away (`dark`). The flight recorder looks each minute
(:mod:`probe.recorder`), a cycle at its start and its end. Addresses leave this
module as keyed hashes alone; no name of an interface or a network is kept.

What a look sends: one datagram of eight bytes to each of the first hops, and
one question to the system's own resolver, for a name that no resolver passes
on. Most of it never leaves the operator's network.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from probe.itself import machine, modem, routes
from probe.net import AddressNotDialledError, Listening, NoSystemResolverError
from probe.slots import Look, step_between_s
from probe.steps import hop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from ipaddress import IPv4Address, IPv6Address

    from probe.clock import Clock
    from probe.itself.secret import Keyed
    from probe.limits import Limits
    from probe.model import Observation
    from probe.net import Net

HOPS_ASKED: Final = 6  # the volunteer's own network and the operator's first routers
TRACE_PORT: Final = 33434  # the port that traceroute has always used: nothing listens there
RESOLVER_TIMEOUT_S: Final = 2.0

MOST_BYTES: Final = HOPS_ASKED * (36 + 64) + 55 + 120
"""Of one look, IP headers included: each hop's packet and its ICMP answer, one short DNS question and its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One look; ``None`` where this system does not tell. The fields are the columns of ``link_sample``."""

    sampled_at: datetime
    is_interface_up: bool | None = None
    has_default_route: bool | None = None
    has_ipv6_route: bool | None = None
    """A default route and a global address of IPv6: without them, IPv6 is absent and not broken."""
    hash_key: str | None = None
    """Which key the hashes are made with."""
    addresses_hash: str | None = None
    gateway_hash: str | None = None
    is_gateway_answering: bool | None = None
    is_gateway_neighbour: bool | None = None
    hops: tuple[str | None, ...] | None = None
    """The first hops, each as its hash, or ``None`` where it kept silent."""
    last_hop_answering: int | None = None
    is_resolver_answering: bool | None = None
    power: str | None = None
    battery_percent: int | None = None
    boot_hash: str | None = None
    modem_state: str | None = None
    modem_registration: str | None = None
    modem_access: str | None = None
    modem_signal_percent: int | None = None
    modem_failure: str | None = None
    since_last_s: float | None = None
    """Since the look before, suspension included; above the recorder's period, it was not running."""
    suspended_s: float | None = None
    clock_step_s: float | None = None
    """How far the wall clock stepped since the look before; 0 where it only drifted."""


async def look(
    beacon: str | None, net: Net, clock: Clock, limits: Limits, hashed: Keyed, before: Look | None = None
) -> Link:
    """Look at the link once.

    ``beacon`` is a public address towards which a few packets are sent whose hop
    limit runs out on the way; without one, the hops stay unknown. ``before`` is
    when the look before this one was made, in the same process.
    """
    link = _with_clocks(Link(sampled_at=clock.now()), before, Look.at(clock))
    found = routes.default_routes()
    has_route = None if found is None else bool(found)
    addresses = machine.own_addresses()
    power, percent = machine.power()
    boot = machine.boot_id()
    gateway = next((route.gateway for route in found or [] if route.gateway), None)
    link = replace(
        link,
        is_interface_up=machine.is_interface_up(),
        has_default_route=has_route,
        has_ipv6_route=_has_ipv6(found, addresses),
        hash_key=hashed.name,
        addresses_hash=hashed("addresses", *sorted(str(a) for some in addresses.values() for a in some)),
        gateway_hash=hashed("address", str(gateway)) if gateway else None,
        is_gateway_neighbour=routes.is_neighbour(gateway),
        power=power,
        battery_percent=percent,
        boot_hash=hashed("boot", boot) if boot else None,
    )
    if has_route is False:
        return _with_modem(link, await modem.ask())
    seen, is_answering, told = await asyncio.gather(
        _hops(beacon, net, clock, limits), _is_resolver_answering(net, clock), modem.ask()
    )
    return _with_modem(_with_hops(replace(link, is_resolver_answering=is_answering), seen, hashed), told)


def _with_clocks(link: Link, before: Look | None, now: Look) -> Link:
    if before is None:
        return link
    suspended_s = max(0.0, now.suspended_s - before.suspended_s)
    return replace(
        link,
        since_last_s=round(now.mono_s - before.mono_s + suspended_s, 3),
        suspended_s=round(suspended_s, 3),
        clock_step_s=round(step_between_s(before, now), 3),
    )


def _has_ipv6(
    found: list[routes.DefaultRoute] | None, addresses: Mapping[str, tuple[IPv4Address | IPv6Address, ...]]
) -> bool | None:
    if found is None:
        return None
    ways = {route.interface for route in found if _is_six(route, addresses)}
    return any(address.version == 6 and address.is_global for name in ways for address in addresses.get(name, ()))


def _is_six(route: routes.DefaultRoute, addresses: Mapping[str, tuple[IPv4Address | IPv6Address, ...]]) -> bool:
    """Tell whether a route may carry IPv6; one without a gateway shows no family, so its addresses decide."""
    if route.gateway is not None:
        return route.gateway.version == 6
    return any(address.version == 6 for address in addresses.get(route.interface, ()))


def _with_hops(link: Link, seen: list[Observation], hashed: Keyed) -> Link:
    if not any(observation.error_text != hop.NOT_AVAILABLE for observation in seen):
        return link
    answered = [observation.hop_limit or 0 for observation in seen if observation.address is not None]
    return replace(
        link,
        is_gateway_answering=1 in answered,
        hops=tuple(hashed("address", o.address) if o.address else None for o in seen),
        last_hop_answering=max(answered, default=0),
    )


def _with_modem(link: Link, told: modem.Modem | None) -> Link:
    if told is None:
        return link
    return replace(
        link,
        modem_state=told.state,
        modem_registration=told.registration,
        modem_access=told.access,
        modem_signal_percent=told.signal_percent,
        modem_failure=told.failure,
    )


async def _hops(beacon: str | None, net: Net, clock: Clock, limits: Limits) -> list[Observation]:
    if beacon is None:
        return []
    return await asyncio.gather(
        *(
            hop.ask(hop.HopEndpoint(address=beacon, port=TRACE_PORT, hop_limit=limit), net, clock, limits)
            for limit in range(1, HOPS_ASKED + 1)
        )
    )


async def _is_resolver_answering(net: Net, clock: Clock) -> bool | None:
    """Ask the system's resolver for ``localhost``, which it answers itself (RFC 6761); any answer will do."""
    number = secrets.token_bytes(2)
    header = number + b"\0\0\0\1\0\0\0\0\0\0"  # one question, and recursion is not desired
    listening = Listening(
        late_window_s=0.0, max_datagrams=2, is_answer=lambda data: data[:2] == number and len(data) > 2
    )
    try:
        came = await net.exchange_with_system_resolver(
            header + b"\x09localhost\0\0\1\0\1", clock.monotonic() + RESOLVER_TIMEOUT_S, listening
        )
    except NoSystemResolverError:
        return None
    except (OSError, AddressNotDialledError):
        return False
    return any(listening.is_answer(datagram.data) for datagram in came.datagrams)
