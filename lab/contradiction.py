"""Whether the truth of a scenario fits its timeline.

What is said to be true must have a cause among what happens, at that time, at
that vantage, for that name; and what happens must be spoken of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from analysis.evaluate.truth import ACCUSING
from lab.dissect import is_name_under
from probe.model import TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.scenario import Happening, Scenario
    from lab.truth import Truth
    from probe.model import Target
    from probe.schedule.yaml_reader import Place


def check_truth(place: Place, entry: Truth, scenario: Scenario) -> None:
    """Refuse a truth of what the scenario does not have, or of what nothing in it could bring about."""
    for host in sorted(entry.vantages.difference(scenario.vantages)):
        raise place.entries()["vantages"].expected(f"some of {', '.join(scenario.vantages)}", host)
    known = {name for target in scenario.schedule.targets for name in (target.name, target.service)}
    for name in sorted(entry.targets - known):
        raise place.entries()["targets"].expected(f"targets or services of {scenario.schedule.name}", name)
    _check_explained(place, entry, scenario)


def _check_explained(place: Place, entry: Truth, scenario: Scenario) -> None:
    """Refuse a truth that holds at a time at which nothing in the timeline could bring it about."""
    if entry.state in {"ok", "insufficient"}:
        return
    for number in range(1, len(scenario.slots) + 1):
        if not entry.during.holds(number, scenario.slots):
            continue
        present = _sometime_in(scenario, number)
        if not any(_explains(one, entry, scenario) for one in present):
            there = ", ".join(one.kind for one in present) or "nothing"
            raise place.entries()["state"].expected(
                f"a state that the timeline brings about in slot {number} (what happens then: {there})", entry.state
            )


def check_told(places: Iterable[Place], scenario: Scenario) -> None:
    """Refuse a happening of which the truth says nothing at all, not even that all is well."""
    for place, one in zip(places, scenario.timeline, strict=True):
        for number in range(1, len(scenario.slots) + 1):
            is_told = any(entry.during.holds(number, scenario.slots) for entry in scenario.truth)
            if not is_told and one in _sometime_in(scenario, number):
                raise place.expected(
                    f"a truth that speaks of slot {number} (state: ok, if this changes nothing)", "none"
                )


def _sometime_in(scenario: Scenario, number: int) -> tuple[Happening, ...]:
    """Give what happens at the beginning of a slot or later in it."""
    moments = (0.0, *scenario.changes_within(number))
    return tuple(dict.fromkeys(one for moment in moments for one in scenario.holding(number, moment)))


def _explains(one: Happening, entry: Truth, scenario: Scenario) -> bool:
    """Tell whether a happening could bring a state about, at the vantages and targets that the truth speaks of."""
    if entry.state == "withheld":
        return one.refusal is not None or _is_at_servers_door(one, entry, scenario)
    if entry.state == "down":
        is_its_own = one.refusal is not None or one.lie is not None or _is_at_servers_door(one, entry, scenario)
        return one.change is not None or is_its_own
    if entry.state not in ACCUSING:
        return True
    if not one.is_somebodys:
        return False
    networks = {scenario.topology.hosts[host].network for host in entry.vantages or scenario.vantages}
    if one.placement is not None and one.placement.networks and not one.placement.networks & networks:
        return False
    named = _names_of(one)
    targets = [t for t in scenario.schedule.of_kind(TargetKind.TARGET) if _is_meant(t, entry)]
    return not named or any(is_name_under(host, named) for target in targets for host in _hosts_of(target, scenario))


def _hosts_of(target: Target, scenario: Scenario) -> list[str]:
    """Give the hosts that a target needs: its own, and those of a video's thumbnail and film."""
    own = urlsplit(target.url).hostname or ""
    sites = [site for site in scenario.topology.sites if target.video is not None and own in site.names]
    return [own, *(host for site in sites for host in (site.thumbnail_host, site.media_host) if host is not None)]


def _is_at_servers_door(one: Happening, entry: Truth, scenario: Scenario) -> bool:
    """Tell whether a box stands at a router on which a target's own servers hang, as the balancer before them does."""
    topology = scenario.topology
    meant = {urlsplit(t.url).hostname for t in scenario.schedule.of_kind(TargetKind.TARGET) if _is_meant(t, entry)}
    owners = {topology.owner_of(a) for site in topology.sites if meant & set(site.names) for a in site.everywhere}
    doors = {topology.hosts[owner].router for owner in owners if owner is not None}
    return one.placement is not None and one.placement.router in doors


def _is_meant(target: Target, entry: Truth) -> bool:
    return not entry.targets or bool({target.name, target.service} & entry.targets)


_ACTING_BEYOND_NAMES: Final = frozenset({"allow-list", "transparent-proxy"})
"""Kinds of boxes whose names say whom they spare, or where they do more than elsewhere."""


def _names_of(one: Happening) -> tuple[str, ...]:
    """Give the domains that a box or a lie acts on; none where it does not go by domains alone."""
    if one.lie is not None:
        return one.lie.names
    box = one.placement.box if one.placement is not None else None
    match = getattr(box, "match", None)
    if match is None:
        return getattr(box, "names", ()) if one.kind not in _ACTING_BEYOND_NAMES else ()
    return () if match.path or match.keyword else (*match.sni, *match.host, *match.quic_sni)
