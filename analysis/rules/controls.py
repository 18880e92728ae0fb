"""What controls and sentinels did at the same time. That there is none, and that it disagrees, are two rules."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from analysis.facts import ROUNDS
from analysis.outcome import Reach
from analysis.rules.evidence import Evidence, fired
from probe.failures import Failure
from probe.model import DnsTransport, Operation, TargetKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.facts import CycleFacts, Facts, MeasurementFacts

ENOUGH_CONTROLS = 2
"""Fewer different controls than this cannot show that nothing reaches out."""

_RESOLVER_ERRORS = frozenset({Failure.DNS_SERVFAIL, Failure.DNS_REFUSED})


class Group(StrEnum):
    """What a group of controls did in one round."""

    ALIVE = "alive"  # at least one answered
    SICK = "sick"  # none answered, but a connection was accepted
    DEAD = "dead"
    ABSENT = "absent"


def group_state(controls: Sequence[MeasurementFacts]) -> Group:
    """Read one group of controls in one round."""
    measured = [m for m in controls if m.outcome.reach is not Reach.UNMEASURED]
    if not measured:
        return Group.ABSENT
    if any(m.outcome.is_reached for m in measured):
        return Group.ALIVE
    return Group.SICK if any(m.outcome.is_tcp_alive for m in measured) else Group.DEAD


def _rounds(cycle: CycleFacts, kind: TargetKind | None = None) -> list[Group]:
    return [group_state(cycle.controls(kind, name)) for name in ROUNDS]


def are_controls_alive(cycle: CycleFacts) -> bool:
    """Tell whether every control answered in both rounds."""
    return all(
        bool(controls) and all(m.outcome.is_reached for m in controls)
        for controls in (cycle.controls(round_=name) for name in ROUNDS)
    )


def are_controls_beside_alive(measurement: MeasurementFacts) -> bool:
    """Tell whether every control that was measured beside the anomaly answered; also where none was."""
    looks = measurement.of_look("controls")
    names = {step.variant for step in looks}
    answered = {s.variant for s in looks if s.operation == Operation.HTTP and s.failure is None}
    return names == answered


def beside_failed(facts: Facts) -> Evidence | None:
    """Fire where a control failed beside the anomaly, although others answered minutes before or after."""
    measurement = facts.measurement
    if are_controls_beside_alive(measurement):
        return None
    failed = [step for step in measurement.of_look("controls") if step.failure is not None]
    return fired("controls.beside_failed", "A control failed too, at the moment of the anomaly.", failed)


def _is_dead(measurement: MeasurementFacts) -> bool:
    return measurement.outcome.reach in {Reach.TCP_FAILED, Reach.DNS_FAILED} and not measurement.outcome.is_tcp_alive


def _is_resolver_broken(cycle: CycleFacts) -> bool:
    """Tell whether nothing was dialled because the only resolver said that it cannot resolve."""
    if any(m.of(Operation.TCP) for m in cycle.measurements):
        return False
    queries = [step for m in cycle.measurements for step in m.of(Operation.DNS)]
    places = {step.address or step.resolver for step in queries if step.transport != DnsTransport.SYSTEM} or {"system"}
    return len(places) == 1 and any(step.failure in _RESOLVER_ERRORS for step in queries)


def everything_dark(facts: Facts) -> Evidence | None:
    """Fire where nothing reached out, whatever its name, in both rounds of controls and in between."""
    cycle = facts.cycle
    controls = cycle.controls()
    if not _is_dead(facts.measurement) or set(_rounds(cycle)) != {Group.DEAD}:
        return None
    if len({m.target for m in controls}) < ENOUGH_CONTROLS or _is_resolver_broken(cycle):
        return None
    if any(m.outcome.is_tcp_alive for m in cycle.measurements):
        return None
    return fired(
        "dark.everything",
        f"Nothing reached out, whatever its name: all {len(controls)} measurements of controls failed.",
        facts.measurement.outcome.steps,
    )


def abroad_dark(facts: Facts) -> Evidence | None:
    """Fire where controls at home answered in both rounds and none abroad did: a gateway, or an allow-list."""
    cycle = facts.cycle
    abroad = cycle.controls(TargetKind.CONTROL_ABROAD)
    if not _is_dead(facts.measurement) or facts.measurement.kind == TargetKind.CONTROL_HOME:
        return None
    if set(_rounds(cycle, TargetKind.CONTROL_HOME)) != {Group.ALIVE}:
        return None
    if set(_rounds(cycle, TargetKind.CONTROL_ABROAD)) != {Group.DEAD}:
        return None
    others = [m for m in cycle.measurements if m.kind == TargetKind.TARGET]
    if len({m.target for m in abroad}) < ENOUGH_CONTROLS and any(m.outcome.is_tcp_alive for m in others):
        return None
    return fired(
        "dark.abroad",
        "Controls at home answered and none abroad did, before and after: the way abroad is cut, or only "
        "listed names may pass.",
        facts.measurement.outcome.steps,
    )


def large_packets(facts: Facts) -> Evidence | None:
    """Fire where connections are accepted everywhere and nothing larger comes through, whatever its name."""
    if facts.measurement.outcome.is_reached or not facts.measurement.outcome.is_tcp_alive:
        return None
    if Group.SICK not in _rounds(facts.cycle) or Group.ALIVE in _rounds(facts.cycle):
        return None
    if any(m.outcome.reach is Reach.CERTIFICATE for m in facts.cycle.controls()):
        return None  # whole chains came through
    return fired(
        "path.large_packets",
        "Connections were accepted and then nothing came through, for controls too: the path loses large packets "
        "or heavily.",
        facts.measurement.outcome.steps,
    )


def resolver_broken(facts: Facts) -> Evidence | None:
    """Fire where the only resolver failed for every name, so that nothing was dialled."""
    if facts.measurement.outcome.reach is not Reach.DNS_FAILED or not _is_resolver_broken(facts.cycle):
        return None
    if facts.cycle.is_anything_reached:
        return None
    return fired(
        "path.resolver_broken",
        "The only resolver said for every name that it cannot resolve, so nothing was dialled.",
        facts.measurement.outcome.steps,
    )


def flapping(facts: Facts) -> Evidence | None:
    """Fire where the controls answered in one round and not in the other."""
    states = set(_rounds(facts.cycle)) - {Group.ABSENT}
    if Group.ALIVE in states and len(states) > 1:
        return fired("controls.flapping", "Controls answered in one round and not in the other: the path came or went.")
    return None


def some_failed(facts: Facts) -> Evidence | None:
    """Fire where controls answered in both rounds, but not all of them."""
    if set(_rounds(facts.cycle)) != {Group.ALIVE} or are_controls_alive(facts.cycle):
        return None
    controls = facts.cycle.controls()
    failed = [m for m in controls if not m.outcome.is_reached]
    return fired(
        "controls.some_failed",
        f"{len(failed)} of {len(controls)} measurements of controls failed as well.",
        [step for m in failed for step in m.outcome.steps],
    )


def alive(facts: Facts) -> Evidence | None:
    """Fire where every control answered, before and after."""
    if not are_controls_alive(facts.cycle):
        return None
    return fired("controls.alive", "Every control answered, before and after.")


def absent(facts: Facts) -> Evidence | None:
    """Fire where a round of controls is missing altogether."""
    if Group.ABSENT not in _rounds(facts.cycle):
        return None
    return fired("controls.absent", "Controls were not measured both before and after.")


def sentinel_reached(facts: Facts) -> Evidence | None:
    """Fire where the nearest usable sentinel reached the target."""
    witness = facts.sentinel
    if witness is None or not witness.measurement.outcome.is_reached:
        return None
    return fired(
        "sentinel.reached", "The sentinel reached the target at the same time.", witness.measurement.outcome.steps
    )


def sentinel_fails(facts: Facts) -> Evidence | None:
    """Fire where the target fails here, and fails at every usable sentinel at the same time."""
    if facts.measurement.outcome.is_reached or facts.measurement.outcome.reach is Reach.UNMEASURED:
        return None
    nearest: dict[str, MeasurementFacts] = {}
    witnesses = list(facts.usable_sentinels)
    if facts.cycle.vantage.is_sentinel and facts.cycle.is_well_connected:
        witnesses += [w for w in facts.elsewhere if w.cycle.is_well_connected]  # it is the sentinel that fails
    for witness in witnesses:
        if witness.measurement.outcome.reach is not Reach.UNMEASURED:
            nearest.setdefault(witness.measurement.vantage_id, witness.measurement)
    if not nearest or any(m.outcome.is_reached for m in nearest.values()):
        return None
    return fired(
        "sentinel.fails",
        "The target fails here and for the sentinel, whose own controls answered.",
        [*facts.measurement.outcome.steps, *(step for m in nearest.values() for step in m.outcome.steps)],
    )


def sentinel_cut_off(facts: Facts) -> Evidence | None:
    """Fire where there are sentinels, and none of them is well connected."""
    if not facts.sentinels or facts.usable_sentinels:
        return None
    return fired("sentinel.cut_off", "The sentinel's own controls failed, so it says nothing on the target.")


def sentinel_absent(facts: Facts) -> Evidence | None:
    """Fire where no sentinel measured the target within the window."""
    if facts.sentinels:
        return None
    return fired("sentinel.absent", "No sentinel measured the target at the same time.")


def is_sentinel_steady(facts: Facts) -> bool:
    """Tell whether every usable sentinel's measurement within the window reached the target, and there is one."""
    usable = [w for w in facts.usable_sentinels if w.measurement.outcome.reach is not Reach.UNMEASURED]
    return bool(usable) and all(w.measurement.outcome.is_reached for w in usable)
