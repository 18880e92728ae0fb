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
    from analysis.facts import CycleFacts, Facts, Step

ENOUGH_HANDSHAKES = 2


def forged(facts: Facts) -> Evidence | None:
    """Fire where a chain of no public root stands for the name at an address that proves it to the sentinel.

    A chain that is merely for another name, or out of date, is what a misconfigured server shows.
    """
    if facts.measurement.outcome.reach is not Reach.CERTIFICATE or not is_sentinel_steady(facts):
        return None
    proven = [
        step for w in facts.usable_sentinels for step in w.measurement.of(Operation.TLS, redirect=0) if step.is_verified
    ]
    addresses = {step.address for step in proven}
    genuine = {step.certificates[:1] for step in proven}
    handshakes = [s for s in facts.measurement.of(Operation.TLS, redirect=0) if s.failure != Failure.TIMEOUT]
    false = [
        s
        for s in handshakes
        if s.certificate_failure == Failure.TLS_UNKNOWN_AUTHORITY
        and s.address in addresses
        and s.certificates
        and s.certificates[:1] not in genuine
    ]
    if len(false) < ENOUGH_HANDSHAKES or any(s.is_verified for s in handshakes):
        return None
    if not _do_controls_verify(facts.cycle):
        return None
    return fired(
        "tls.forged",
        "Every handshake brought a certificate of no public authority, at an address that proves its name to the "
        "sentinel, while controls proved theirs.",
        [*false, *proven],
        "tls.mitm",
    )


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
