"""Varies a scenario by a seed: addresses, delays, loss and times, so that one scenario is a family.

What happens and what is true of it stays. Addresses move inside their networks,
and every place that names one moves with them: topology, timeline, schedule.
Links become faster or slower, and lose a few packets of their own. The whole
moves to another day and hour. Seed 0 is the scenario as it is written, but for
its draws.
"""

from __future__ import annotations

import random
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lab.link import LinkProfile
    from lab.scenario import Scenario
    from probe.schedule.model import Schedule

_DELAY_FACTORS: Final = (0.7, 1.4)
_BACKGROUND_LOSS: Final = 0.004
"""At most, of links between routers: what a line that is well loses."""
_STRUCK_FACTORS: Final = (0.8, 1.2)
"""Of the loss of a disaster."""
_DAYS: Final = 60
_KEPT_BITS: Final = {4: 8, 6: 64}
"""The low bits of an address, which say which host it is; they stay."""


def varied(scenario: Scenario, seed: int) -> Scenario:
    """Give the member of a scenario's family that a seed chooses."""
    if seed == 0:
        return replace(scenario, seed=0)
    draws = random.Random(f"vary {seed} {scenario.name}")
    moved = _Moved(scenario, draws)
    later = timedelta(minutes=draws.randrange(_DAYS * 24 * 60))
    topology = moved.through(scenario.topology)
    links = {
        name: replace(link, profile=_other_line(link.profile, draws, is_between_routers=name in _cores(scenario)))
        for name, link in topology.links.items()
    }
    return replace(
        scenario,
        seed=seed,
        topology=replace(topology, links=links),
        schedule=_asking_elsewhere(moved.through(scenario.schedule), moved),
        slots=tuple(slot + later for slot in scenario.slots),
        timeline=tuple(
            replace(_harder(moved.through(one), draws), during=one.during.shifted(later)) for one in scenario.timeline
        ),
        truth=tuple(replace(truth, during=truth.during.shifted(later)) for truth in scenario.truth),
    )


def _asking_elsewhere(schedule: Schedule, moved: _Moved) -> Schedule:
    """Give a schedule whose resolvers, which it writes as text, have moved too."""
    return replace(
        schedule,
        resolvers=tuple(
            replace(resolver, address=str(moved.through(ip_address(resolver.address))))
            if resolver.address
            else resolver
            for resolver in schedule.resolvers
        ),
    )


def _cores(scenario: Scenario) -> set[str]:
    routers = scenario.topology.routers
    return {name for name, link in scenario.topology.links.items() if all(end in routers for end in link.between)}


def _other_line(profile: LinkProfile, draws: random.Random, *, is_between_routers: bool) -> LinkProfile:
    factor = draws.uniform(*_DELAY_FACTORS)
    loss = draws.uniform(0, _BACKGROUND_LOSS) if is_between_routers and not profile.loss else profile.loss
    return replace(profile, delay_s=profile.delay_s * factor, jitter_s=profile.jitter_s * factor, loss=loss)


def _harder(happening: Any, draws: random.Random) -> Any:
    """Give a happening whose loss, where a disaster brings one, is a little more or less."""
    loss = getattr(happening.change, "loss", None)
    if loss is None:
        return happening
    loss = min(0.9, loss * draws.uniform(*_STRUCK_FACTORS))
    return replace(happening, change=replace(happening.change, loss=loss))


class _Moved:
    """The addresses of a scenario's networks, each moved to another subnet of its own network."""

    def __init__(self, scenario: Scenario, draws: random.Random) -> None:
        self._masks: list[tuple[IPv4Network | IPv6Network, int]] = []
        for network in scenario.topology.networks.values():
            for prefix in network.prefixes:
                low = _KEPT_BITS[prefix.version]
                free = prefix.max_prefixlen - prefix.prefixlen - low
                self._masks.append((prefix, draws.getrandbits(free) << low if free > 0 else 0))
        self._masks.sort(key=lambda entry: -entry[0].prefixlen)

    def through(self, value: Any) -> Any:
        """Give a value with every address in it moved; dataclasses, tuples, sets and mappings are gone through."""
        if isinstance(value, IPv4Address | IPv6Address):
            return type(value)(self._other(value))
        if isinstance(value, IPv4Network | IPv6Network):
            return self._other_network(value)
        if is_dataclass(value) and not isinstance(value, type):
            changed = {
                field.name: moved
                for field in fields(value)
                if field.init and (moved := self.through(before := getattr(value, field.name))) is not before
            }
            return replace(value, **changed) if changed else value
        if isinstance(value, tuple | frozenset) and type(value) in {tuple, frozenset}:
            return type(value)(self.through(item) for item in value)
        if isinstance(value, dict):
            return {key: self.through(item) for key, item in value.items()}
        return value

    def _other(self, address: IPv4Address | IPv6Address) -> int:
        return int(address) ^ next((mask for prefix, mask in self._masks if address in prefix), 0)

    def _other_network(self, network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
        for prefix, mask in self._masks:
            if _is_within(network, prefix):
                host_bits = network.max_prefixlen - network.prefixlen
                moved = int(network.network_address) ^ (mask >> host_bits << host_bits)
                return type(network)((moved, network.prefixlen))
        return network


def _is_within(network: IPv4Network | IPv6Network, prefix: IPv4Network | IPv6Network) -> bool:
    return network.prefixlen > prefix.prefixlen and network.version == prefix.version and network[0] in prefix
