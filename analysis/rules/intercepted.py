"""Every name gets a false certificate of one authority: a proxy between this vantage and everything.

Interception by operators was always of some names, because programs that pin
their certificates break; security programs and offices do it to all. So where
one vantage alone sees it, the state is `local`; where others see the same
authority, it is `tampered`, whoever they belong to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.outcome import Reach
from analysis.rules.evidence import Evidence, fired
from probe.failures import Failure
from probe.model import Operation, TargetKind

if TYPE_CHECKING:
    from analysis.facts import CycleFacts, Facts, MeasurementFacts, Step

ENOUGH_NAMES = 3


def here_alone(facts: Facts) -> Evidence | None:
    """Fire where every name met one false authority here, controls at home and abroad too, and no other vantage did."""
    authorities, false = _common(facts)
    if not authorities or _others(facts, authorities):
        return None
    return fired(
        "local.intercepted",
        "Every name, controls too, got a certificate of one authority that is not public: a proxy on this machine or "
        "its network stands in between.",
        false,
    )


def elsewhere_too(facts: Facts) -> Evidence | None:
    """Fire where every name met one false authority here, and another vantage met the same."""
    authorities, false = _common(facts)
    others = _others(facts, authorities)
    if not others:
        return None
    return fired(
        "tls.forged_for_all",
        "Every name, controls too, got a certificate of one authority that is not public, here and at another vantage.",
        [*false, *others],
        "tls.mitm.ca_signed",
    )


def _common(facts: Facts) -> tuple[set[str], list[Step]]:
    """Give the certificates that stand behind the leaf in every handshake of the cycle, and the target's handshakes."""
    if facts.measurement.outcome.reach is not Reach.CERTIFICATE:
        return set(), []
    kinds = {m.kind for m in facts.cycle.measurements if _handshakes(m)}
    names = {m.target for m in facts.cycle.measurements if _handshakes(m)}
    if len(names) < ENOUGH_NAMES or not kinds >= {TargetKind.CONTROL_HOME, TargetKind.CONTROL_ABROAD}:
        return set(), []
    return _shared(facts.cycle), _handshakes(facts.measurement)


def _shared(cycle: CycleFacts) -> set[str]:
    shown = [step for m in cycle.measurements for step in _handshakes(m)]
    if any(step.certificate_failure != Failure.TLS_UNKNOWN_AUTHORITY for step in shown):
        return set()
    return set.intersection(*(set(step.certificates[1:]) for step in shown))


def _handshakes(measurement: MeasurementFacts) -> list[Step]:
    """Give the handshakes that came as far as a certificate."""
    return [step for step in measurement.of(Operation.TLS) if step.certificates]


def _others(facts: Facts, authorities: set[str]) -> list[Step]:
    if not authorities:
        return []
    return [
        step
        for witness in facts.elsewhere
        for step in _handshakes(witness.measurement)
        if step.certificate_failure == Failure.TLS_UNKNOWN_AUTHORITY and authorities & set(step.certificates[1:])
    ]
