"""Variation by seed: other addresses, delays and times, and still the same scenario."""

from __future__ import annotations

import contextlib
from dataclasses import fields, is_dataclass, replace
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

import pytest

from lab import scenario_file
from lab.variation import varied

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.scenario import Scenario
    from lab.topology import Topology

NAMES = scenario_file.names()
SEEDED = [(name, 1 + position % 7) for position, name in enumerate(NAMES)]
"""Every scenario with a seed, and seven seeds among them all."""


@cache
def as_written(name: str) -> Scenario:
    return scenario_file.load(name)


@cache
def member(name: str, seed: int) -> Scenario:
    return varied(as_written(name), seed)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no container, with where it stands; the members of a set stand in no place of their own."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from leaves(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, tuple | list):
        for position, item in enumerate(value):
            yield from leaves(item, f"{path}[{position}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}[{key}]")
    elif isinstance(value, frozenset):
        for item in value:
            yield from leaves(item, f"{path}{{}}")
    else:
        yield path, value


def as_network(value: Any) -> IPv4Network | IPv6Network | None:
    """An address, or a network, or text that is one."""
    if isinstance(value, IPv4Address | IPv6Address | IPv4Network | IPv6Network):
        return ip_network(value)
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return ip_network(value)
    return None


def inhabitants(topology: Topology, network: IPv4Network | IPv6Network) -> frozenset[str]:
    """Which hosts and routers have which of their addresses in a network, or answer for all of it."""
    nodes = {**topology.hosts, **topology.routers}
    return frozenset(
        [f"{name} {i}" for name, node in nodes.items() for i, a in enumerate(node.addresses) if a in network]
        + [
            f"{name} answers {i}"
            for name, host in topology.hosts.items()
            for i, own in enumerate(host.answers_for)
            if own.version == network.version and own.overlaps(network)
        ]
    )


def named_in(part: str, scenario: Scenario) -> dict[str, list[list[str]]]:
    """Whom every address in a part of a scenario means, by where it stands."""
    of = cache(lambda network: sorted(inhabitants(scenario.topology, network)))
    found: dict[str, list[list[str]]] = {}
    for path, leaf in leaves(getattr(scenario, part)):
        network = as_network(leaf)
        if network is not None:
            found.setdefault(path, []).append(of(network))
    return {path: sorted(meant) for path, meant in found.items()}


@pytest.mark.parametrize("name", NAMES)
def test_seed_0_is_the_scenario_as_it_is_written(name: str) -> None:
    written = as_written(name)
    again = varied(written, 0)
    assert again.seed == 0
    for field in fields(written):
        if field.name != "seed":
            assert getattr(again, field.name) == getattr(written, field.name), field.name


@pytest.mark.parametrize(("name", "seed"), SEEDED)
def test_whoever_was_named_by_an_address_is_named_by_the_moved_one(name: str, seed: int) -> None:
    before, after = as_written(name), member(name, seed)
    for part in ("timeline", "schedule"):
        assert named_in(part, before) == named_in(part, after)


def test_everything_in_a_topology_moves_together() -> None:
    for name in {as_written(name).topology.summary: name for name in NAMES}.values():
        assert named_in("topology", as_written(name)) == named_in("topology", member(name, 3))


@pytest.mark.parametrize(("name", "seed"), SEEDED)
def test_sites_stay_with_their_hosts_and_addresses_with_their_networks(name: str, seed: int) -> None:
    before, after = as_written(name).topology, member(name, seed).topology
    for old, new in zip(before.sites, after.sites, strict=True):
        assert [before.owner_of(a) for a in old.everywhere] == [after.owner_of(a) for a in new.everywhere]
    for host, node in after.hosts.items():
        gateway = after.routers[node.router]
        for address in node.addresses:
            assert any(address in prefix for prefix in (*after.networks[node.network].prefixes, *gateway.inside)), host
    taken = [address for node in (*after.hosts.values(), *after.routers.values()) for address in node.addresses]
    assert len(taken) == len(set(taken))


def test_another_seed_moves_addresses_and_every_seed_moves_them_otherwise() -> None:
    moved = [member("nothing-wrong", seed).topology.hosts["vantage-a"].addresses for seed in range(5)]
    assert len(set(moved)) == len(moved)


def test_a_resolver_that_the_schedule_writes_as_text_is_followed() -> None:
    written = as_written("nothing-wrong")
    asked = str(written.topology.hosts["resolver-s"].addresses[0])
    resolvers = (replace(written.schedule.resolvers[1], address=asked),)
    scenario = replace(written, schedule=replace(written.schedule, resolvers=resolvers))
    (moved,) = varied(scenario, 1).schedule.resolvers
    assert moved.address not in {None, asked}
    assert varied(scenario, 1).topology.owner_of(ip_address(str(moved.address))) == "resolver-s"


@pytest.mark.parametrize(("name", "seed"), SEEDED)
def test_all_times_move_together(name: str, seed: int) -> None:
    before, after = as_written(name), member(name, seed)
    later = after.slots[0] - before.slots[0]
    assert after.slots == tuple(slot + later for slot in before.slots)
    for number in range(1, len(before.slots) + 1):
        moments = (0.0, *before.changes_within(number))
        assert after.changes_within(number) == before.changes_within(number)
        for seconds in moments:
            assert [one.name for one in after.holding(number, seconds)] == [
                one.name for one in before.holding(number, seconds)
            ]


@pytest.mark.parametrize(("name", "seed"), SEEDED)
def test_what_is_true_stays_true(name: str, seed: int) -> None:
    before, after = as_written(name), member(name, seed)
    later = after.slots[0] - before.slots[0]
    for number in range(1, len(before.slots) + 1, max(1, len(before.slots) // 20)):
        for vantage in before.vantages:
            for old, new in zip(before.schedule.targets, after.schedule.targets, strict=True):
                here, there = before.truth_of(vantage, old, number), after.truth_of(vantage, new, number)
                for field in ("state", "accept", "mechanism", "cause", "accept_causes", "event"):
                    assert getattr(here, field) == getattr(there, field)
    for old_event, new_event in zip(before.events(), after.events(), strict=True):
        assert new_event.name == old_event.name
        assert (new_event.vantages, new_event.targets) == (old_event.vantages, old_event.targets)
        assert new_event.onset == old_event.onset + later
        assert (new_event.end is None) == (old_event.end is None)
        assert old_event.end is None or new_event.end == old_event.end + later


@pytest.mark.parametrize(("name", "seed"), SEEDED)
def test_lines_change_within_bounds_and_keep_their_place_and_cost(name: str, seed: int) -> None:
    before, after = as_written(name).topology, member(name, seed).topology
    for link, old in before.links.items():
        new = after.links[link]
        assert (new.between, new.cost, new.fibres) == (old.between, old.cost, old.fibres)
        assert 0.7 * old.profile.delay_s <= new.profile.delay_s <= 1.4 * old.profile.delay_s
        assert old.profile.loss <= new.profile.loss <= max(old.profile.loss, 0.004)
    assert any(after.links[link].profile.delay_s != old.profile.delay_s for link, old in before.links.items())


def test_a_seed_chooses_the_same_member_each_time() -> None:
    name = NAMES[0]
    assert varied(as_written(name), 5).slots == member(name, 5).slots == varied(as_written(name), 5).slots
    first, again = varied(as_written(name), 5), scenario_file.load(name, seed=5)
    assert first.topology == again.topology
    assert first.slots == again.slots
