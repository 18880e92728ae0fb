"""What the flight recorder saw of the vantage's own link: one row each ten minutes, and whenever something is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.evaluate.simulate.plant import PUBLIC_DNS
from analysis.facts import LinkFacts

if TYPE_CHECKING:
    from analysis.evaluate.simulate.dice import Dice
    from analysis.evaluate.simulate.plant import Place
    from analysis.evaluate.simulate.stage import Stage

EVERY_S = 600.0
AFTER_CHANGE_S = 60.0
MOST_HOPS = 8


def look_at(stage: Stage, place: Place, t: float, rng: Dice, since_s: float | None = None) -> LinkFacts:
    """Look once."""
    name = place.vantage
    is_up = not stage.ailing(name, "unplugged", t)
    is_refused = stage.ailing(name, "refused", t)
    route = stage.plant.route(place, PUBLIC_DNS, is_home=False)
    hops = min(stage.world.dead_from(route, t, rng), MOST_HOPS) if is_up and not is_refused else 0
    is_modem_elsewhere = stage.ailing(name, "refused-beyond", t)
    hops = min(hops, 1) if is_modem_elsewhere else hops
    resolver = (*place.way, f"resolver:{place.operator}")
    is_resolving = hops > 0 and stage.world.dead_from(resolver, t, rng) == len(resolver)
    boots = sum(c.vantage == name and c.kind == "off" and c.end <= t for c in stage.conditions)
    naps = [c for c in stage.conditions if c.vantage == name and c.kind == "asleep" and c.start < t]
    slept = sum(min(c.end, t) - max(c.start, t - (since_s or 0.0)) for c in naps if c.end > t - (since_s or 0.0))
    return LinkFacts(
        sampled_at=stage.at(t),
        is_interface_up=is_up,
        has_default_route=is_up and not is_refused,
        is_gateway_answering=hops > 0,
        last_hop_answering=hops,
        has_ipv6_route=False,
        is_gateway_neighbour=None if place.bearer == "mobile" else hops > 0,
        is_resolver_answering=is_resolving,
        power="battery" if stage.ailing(name, "battery", t) else "mains",
        hash_key="key",
        boot_hash=f"{name}-{boots}",
        modem_registration="home" if place.bearer == "mobile" and is_up and not is_modem_elsewhere else None,
        modem_failure="OperatorDeterminedBarring" if is_refused else None,
        since_last_s=since_s,
        suspended_s=round(max(slept, 0.0), 3) if since_s else None,
        clock_step_s=0.0 if since_s else None,
    )


def flight_of(stage: Stage, place: Place, rng: Dice) -> tuple[LinkFacts, ...]:
    """Give every row of a vantage's recorder. A machine that is off or asleep looks at nothing."""
    edges = {0.0, stage.length_s}
    mine = {f"home:{place.vantage}", *place.way, place.gateway}
    for element in sorted(mine):
        for fault in stage.world.faults.get(element, ()):
            edges |= {fault.start, fault.end}
    for condition in stage.conditions:
        if condition.vantage == place.vantage:
            edges |= {condition.start, condition.end}
    times = {EVERY_S * i for i in range(int(stage.length_s // EVERY_S) + 1)}
    times |= {edge + AFTER_CHANGE_S for edge in edges if 0.0 < edge < stage.length_s}
    looks: list[LinkFacts] = []
    last: float | None = None
    for t in sorted(times):
        if stage.ailing(place.vantage, "off", t) or stage.ailing(place.vantage, "asleep", t):
            continue
        looks.append(look_at(stage, place, t, rng, None if last is None else t - last))
        last = t
    return tuple(looks)
