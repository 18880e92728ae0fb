"""What the flight recorder and the self-check show of the vantage itself.

Each of these rules needs a sign of its own: that nothing was reached is never
enough. A rule here can excuse a network; none can accuse one.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from analysis.rules.evidence import Evidence, fired

if TYPE_CHECKING:
    from analysis.facts import Facts, LinkFacts

AFTER = timedelta(seconds=120)
"""Looks so long after a measurement began say what it met."""

STANDS = timedelta(minutes=12)
"""What the recorder's last row before it says stood until then: it looks each minute, writes what is new at once, and
every tenth look in any case."""

BOOTING = timedelta(minutes=10)
"""After a boot, networks take minutes to come up."""

REGISTERED = frozenset({"home", "roaming"})
REFUSALS = frozenset(
    {
        "ServiceOptionNotSupported",
        "ServiceOptionNotSubscribed",
        "ServiceOptionOutOfOrder",
        "OperatorDeterminedBarring",
        "GprsServiceOptionNotSupported",
        "GprsServiceOptionNotSubscribed",
        "GprsServiceOptionOutOfOrder",
    }
)
"""Of ModemManager: the network answered, and the answer was no (3GPP TS 24.008, 10.5.6.6)."""


def looks_near(facts: Facts) -> tuple[LinkFacts, ...]:
    """Give the cycle's own looks, and the recorder's around the measurement, in order of time."""
    at = facts.measurement.started_at
    before = [look for look in facts.cycle.flight if at - STANDS <= look.sampled_at <= at][-1:]
    after = [look for look in facts.cycle.flight if at < look.sampled_at <= at + AFTER]
    return tuple(sorted({*facts.cycle.links, *before, *after}, key=lambda look: look.sampled_at))


def vpn(facts: Facts) -> Evidence | None:
    """Fire where packets left through a tunnel over another line: they show the network at its other end."""
    if not facts.cycle.is_through_tunnel:
        return None
    return fired("local.vpn", "Packets left through a tunnel (a VPN): this shows another network than the vantage's.")


def other_network(facts: Facts) -> Evidence | None:
    """Fire where the table has the vantage's address in another network than the schedule says. A label."""
    itself, vantage = facts.cycle.itself, facts.cycle.vantage
    if itself is None or itself.network is None or vantage.network in {None, itself.network}:
        return None
    return fired(
        "local.other_network",
        f"By the volunteer's table this vantage was in {itself.network}, and its schedule says {vantage.network}.",
    )


def power(facts: Facts) -> Evidence | None:
    """Fire where the mains failed here, the gateway with them, and nothing was reached."""
    near = looks_near(facts)
    if facts.cycle.is_anything_reached or not any(look.power == "battery" and _is_gateway_dead(look) for look in near):
        return None
    earlier = [look for look in facts.cycle.flight if look.sampled_at <= near[-1].sampled_at]
    if not any(one.power == "mains" and other.power == "battery" for one, other in pairwise(_telling(earlier))):
        return None
    return fired("local.power", "The mains failed here: this machine went on by battery, and the gateway fell silent.")


def rebooted(facts: Facts) -> Evidence | None:
    """Fire where the machine had just booted, and nothing was reached yet."""
    at = facts.measurement.started_at
    if facts.cycle.is_anything_reached:
        return None
    looks = [look for look in facts.cycle.flight if look.boot_hash is not None]
    if any(
        one.hash_key == other.hash_key
        and one.boot_hash != other.boot_hash
        and at - BOOTING <= other.sampled_at <= at + AFTER
        for one, other in pairwise(looks)
    ):
        return fired("local.rebooted", "This machine had booted minutes before, and nothing was reached yet.")
    return None


def asleep(facts: Facts) -> Evidence | None:
    """Fire where the machine slept while the measurement ran: its time-outs are its own."""
    if facts.measurement.outcome.is_reached:
        return None
    at = facts.measurement.started_at
    # What a look says of sleep lies between the look before and itself.
    if any(
        (look.suspended_s or 0.0) > 1.0
        and at <= look.sampled_at
        and look.sampled_at - timedelta(seconds=look.since_last_s or 0.0) <= at + AFTER
        for look in facts.cycle.flight
    ):
        return fired("local.asleep", "This machine slept while it measured.")
    return None


def silent_after_hop(facts: Facts) -> Evidence | None:
    """Fire where carrier and gateway were fine and packets came less far than before, whatever the name. A text."""
    if facts.cycle.is_anything_reached or any(m.outcome.is_tcp_alive for m in facts.cycle.measurements):
        return None
    near = [look for look in looks_near(facts) if look.last_hop_answering is not None]
    if not near or not all(look.is_interface_up and _is_gateway_alive(look) for look in near):
        return None
    now = max(look.last_hop_answering or 0 for look in near)
    earlier = [look for look in facts.cycle.flight if look.sampled_at < near[0].sampled_at]
    before = max((look.last_hop_answering or 0 for look in earlier), default=0)
    if not now < before:
        return None
    return fired(
        "upstream.silent_after_hop",
        f"Carrier and gateway were fine, and nothing after hop {now} answered, where hop {before} had: the fault lies "
        "upstream of this vantage.",
    )


def data_refused(facts: Facts) -> Evidence | None:
    """Fire where the modem was registered and the network refused it a data session. A sign, and no proof of order."""
    if facts.cycle.is_anything_reached:
        return None
    for look in looks_near(facts):
        if look.modem_registration in REGISTERED and look.modem_failure in REFUSALS:
            return fired(
                "modem.data_refused",
                f"The modem was registered, and the network refused it a data session ({look.modem_failure}): "
                "the operator switched data off, or this subscription has none.",
            )
    return None


def _is_gateway_dead(look: LinkFacts) -> bool:
    return look.is_gateway_neighbour is False or (
        look.is_gateway_neighbour is None and look.is_gateway_answering is False
    )


def _is_gateway_alive(look: LinkFacts) -> bool:
    return bool(look.is_gateway_neighbour or look.is_gateway_answering)


def _telling(looks: list[LinkFacts]) -> list[LinkFacts]:
    return [look for look in looks if look.power is not None]
