"""Certificates that are wrong for the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.facts import ROUNDS
from analysis.outcome import Reach
from analysis.rules.controls import is_sentinel_steady
from analysis.rules.evidence import Evidence, fired
from probe.failures import Failure
from probe.model import Operation

if TYPE_CHECKING:
    from analysis.facts import CycleFacts, Facts, MeasurementFacts, Step

ENOUGH_HANDSHAKES = 10
"""All of them false and none verified: where every second member of a server's group shows a certificate of its own,
that happens once in a thousand times."""


def forged(facts: Facts) -> Evidence | None:
    """Fire where a chain of no public root stands for the name at an address that proves it to the sentinel.

    A server's misconfiguration shows a false chain too. So one of two things must hold as well: another service's
    name got a chain from the same false authority, or many handshakes over several cycles brought nothing else. A
    chain that is merely for another name, or out of date, is no sign at all.
    """
    if facts.measurement.outcome.reach is not Reach.CERTIFICATE or not is_sentinel_steady(facts):
        return None
    proven = [
        step for w in facts.usable_sentinels for step in w.measurement.of(Operation.TLS, redirect=0) if step.is_verified
    ]
    false = _false_handshakes(facts.measurement, proven)
    if not false or not _do_controls_verify(facts.cycle):
        return None
    around = [step for w in facts.neighbours for step in _false_handshakes(w.measurement, proven)]
    authorities = {authority for step in false for authority in step.certificates[1:]}
    others = [
        step
        for m in facts.cycle.measurements
        if m.service != facts.measurement.service
        for step in m.of(Operation.TLS)
        if step.certificate_failure == Failure.TLS_UNKNOWN_AUTHORITY and authorities & set(step.certificates[1:])
    ]
    is_shared = any(step.certificates[:1] != false[0].certificates[:1] for step in others)
    if not is_shared and (len(false) + len(around) < ENOUGH_HANDSHAKES or not around):
        return None
    why = "another service's name got one from the same authority" if is_shared else "nothing else came for cycles"
    return fired(
        "tls.forged",
        "Every handshake brought a certificate of no public authority, at an address that proves its name to the "
        f"sentinel, while controls proved theirs; {why}.",
        [*false, *around, *others, *proven],
        "tls.mitm",
    )


def _false_handshakes(measurement: MeasurementFacts, proven: list[Step]) -> list[Step]:
    """Give the handshakes with a false chain at a proven address; none where one handshake was right."""
    handshakes = measurement.of(Operation.TLS, redirect=0)
    if any(step.is_verified for step in handshakes):
        return []
    addresses = {step.address for step in proven}
    genuine = {step.certificates[:1] for step in proven}
    return [
        step
        for step in handshakes
        if step.certificate_failure == Failure.TLS_UNKNOWN_AUTHORITY
        and step.address in addresses
        and step.certificates
        and step.certificates[:1] not in genuine
    ]


def untrusted(facts: Facts) -> Evidence | None:
    """Fire where no chain was right for the name, and it is not shown whose doing that is."""
    outcome = facts.measurement.outcome
    if outcome.reach is not Reach.CERTIFICATE:
        return None
    return fired("tls.untrusted", "No certificate chain was right for the name.", outcome.steps)


def clock(facts: Facts) -> Evidence | None:
    """Fire where most certificates of controls are out of date: then this machine's clock is wrong."""
    handshakes = _control_handshakes(facts.cycle)
    stale = [s for s in handshakes if s.certificate_failure == Failure.TLS_INVALID_CERTIFICATE]
    if facts.measurement.outcome.is_reached or len(stale) * 2 <= len(handshakes):
        return None
    return fired("tls.clock", "Certificates of controls are out of date too: this machine's clock is wrong.", stale)


def _control_handshakes(cycle: CycleFacts) -> list[Step]:
    return [s for m in cycle.controls() for s in m.of(Operation.TLS) if s.failure is None or s.certificate_failure]


def _do_controls_verify(cycle: CycleFacts) -> bool:
    """Tell whether controls with TLS proved their names in both rounds, and none failed to."""
    for name in ROUNDS:
        with_tls = [m for m in cycle.controls(round_=name) if m.url.startswith("https:")]
        if not with_tls or any(m.outcome.reach is not Reach.VERIFIED for m in with_tls):
            return False
    return True
