"""Only this target's addresses are dead. An address swap is weaker than a name swap: routes fail by address too.

So this asks for much, and never says more than `suspected`: chance must be
excluded by counting, every dead address must have a live neighbour in its own
prefix (a dead route or origin network would take that as well), the sentinel
must reach one of the same addresses, and it must hold again in another cycle
or at another vantage.
"""

from __future__ import annotations

import ipaddress
import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from analysis.outcome import Reach
from analysis.rules.controls import are_controls_alive, are_controls_beside_alive
from analysis.rules.evidence import Evidence, fired
from probe.addresses import parse_address
from probe.failures import Failure
from probe.model import NameKind, Operation, Peer

if TYPE_CHECKING:
    from analysis.facts import CycleFacts, Facts, MeasurementFacts

PREFIX_LENGTHS = {4: 24, 6: 48}
"""The longest prefixes that are routed between networks."""
ENOUGH_LOG10 = 1.0
APART = frozenset({NameKind.QUIC, NameKind.QNAME})
"""Kinds of pairs that use no connection: UDP may be filtered, and port 53 intercepted, for every name alike."""

_WORDS = {Failure.TIMEOUT: "timeout", Failure.CONNECTION_RESET: "reset", Failure.CONNECTION_REFUSED: "refused"}


def only_this_target(facts: Facts) -> Evidence | None:
    """Fire where exactly this target's addresses are dead among all that were dialled, and no fault fits."""
    outcome = facts.measurement.outcome
    if outcome.reach is not Reach.TCP_FAILED or not _are_all_controls_alive(facts):
        return None
    alive, dead, targets = _dialled(facts.cycle)
    ours = {step.address for step in outcome.steps if step.address} & (alive | dead)
    if not ours or dead != ours:
        return None
    count = len(alive) + len(dead)
    score = math.log10(math.comb(count, len(dead))) - math.log10(max(targets, 1))
    if score < ENOUGH_LOG10 or not _has_live_neighbours(dead, alive):
        return None
    if not _does_sentinel_reach(facts, dead) or not _are_pairs_silent(facts) or not _is_repeated(facts, dead):
        return None
    failures = Counter(step.failure or "" for step in outcome.steps)
    commonest = min(failures, key=lambda failure: (-failures[failure], failure))
    word = _WORDS.get(Failure(commonest)) if commonest in set(Failure) else None
    return Evidence(
        rule="address.only_this_target",
        log10_lr=round(score, 6),
        text=f"Of {count} addresses that were dialled exactly this target's {len(dead)} are dead, and their "
        "neighbours are alive.",
        observations=tuple(step.observation_id for step in outcome.steps),
        mechanism=f"tcp.{word}" if word else "tcp",
    )


def _are_all_controls_alive(facts: Facts) -> bool:
    return are_controls_alive(facts.cycle) and are_controls_beside_alive(facts.measurement)


def dead(facts: Facts) -> Evidence | None:
    """Fire where no address of the target accepted a connection."""
    outcome = facts.measurement.outcome
    if outcome.reach is not Reach.TCP_FAILED:
        return None
    return fired("address.dead", "No address of the target accepted a connection.", outcome.steps)


def ipv6_broken(facts: Facts) -> Evidence | None:
    """Fire where IPv6 failed for every name and IPv4 did not, on a line that has IPv6: its failures are left out.

    On a line without a route or an address of IPv6 they are left out too, and nothing is broken.
    """
    if not any(link.has_ipv6_route for link in facts.cycle.links):
        return None
    connects = [s for m in facts.cycle.measurements for s in m.of(Operation.TCP) if s.address]
    six = [s for s in connects if ":" in (s.address or "")]
    four = [s for s in connects if ":" not in (s.address or "")]
    if not six or any(s.failure is None for s in six) or not any(s.failure is None for s in four):
        return None
    return fired("path.ipv6_broken", "IPv6 fails for every name here and is left out.")


def _dialled(cycle: CycleFacts) -> tuple[set[str], set[str], int]:
    """Give the live and the dead addresses of the cycle, and how many targets they belong to.

    A family in which nothing was reached is left out.
    """
    results: dict[str, list[bool]] = defaultdict(list)
    targets: set[str] = set()
    for measurement in cycle.measurements:
        for step in measurement.of(Operation.TCP):
            if step.address and step.failure != Failure.ADDRESS_NOT_DIALLED:
                results[step.address].append(step.failure is None)
                targets.add(measurement.target)
    alive = {address for address, seen in results.items() if any(seen)}
    families = {":" in address for address in alive}
    dead = {address for address in results if address not in alive and (":" in address) in families}
    return alive, dead, len(targets)


def _prefix(address: str) -> str:
    parsed = parse_address(address)
    if parsed is None:
        return address
    return str(ipaddress.ip_network((parsed, PREFIX_LENGTHS[parsed.version]), strict=False))


def _has_live_neighbours(dead: set[str], alive: set[str]) -> bool:
    living = {_prefix(address) for address in alive}
    return all(_prefix(address) in living for address in dead)


def _does_sentinel_reach(facts: Facts, dead: set[str]) -> bool:
    witness = facts.sentinel
    return witness is not None and any(
        step.failure is None and step.address in dead for step in witness.measurement.of(Operation.TCP)
    )


def _are_pairs_silent(facts: Facts) -> bool:
    runs = [run for run in facts.pair_runs if run.peer == Peer.HELPER and run.name_kind not in APART]
    return bool(runs) and all(run.own.target_alive > 0 and run.own.discordant == 0 for run in runs)


def _is_repeated(facts: Facts, dead: set[str]) -> bool:
    others = [*facts.neighbours, *facts.elsewhere]
    return any(are_controls_alive(w.cycle) and _died_there(w.measurement, dead) for w in others)


def _died_there(measurement: MeasurementFacts, dead: set[str]) -> bool:
    outcome = measurement.outcome
    return outcome.reach is Reach.TCP_FAILED and any(step.address in dead for step in outcome.steps)
