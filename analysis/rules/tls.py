"""Certificates that are wrong for the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.facts import ROUNDS
from analysis.outcome import Reach
from analysis.rules.controls import is_sentinel_steady
from analysis.rules.evidence import Evidence, fired
from probe.failures import Failure
from probe.model import NameKind, Operation, Peer

if TYPE_CHECKING:
    from analysis.facts import CycleFacts, Facts, MeasurementFacts, Step

ENOUGH_HANDSHAKES = 10
"""All of them false and none verified: where every second member of a server's group shows a certificate of its own,
that happens once in a thousand times."""
ENOUGH_AT_HELPER = 3
TOO_FAST = 0.5
"""Of the round trip: what comes back sooner has not been at the server. Half is for what delays a packet but once."""
ENOUGH_RESETS = 2
LONGEST_UNREPEATED_CONNECT_S = 0.9
"""A SYN that was lost is repeated after a second (RFC 6298), and its connect tells no round trip."""


def forged(facts: Facts) -> Evidence | None:
    """Fire where a chain of no public root stands for the name at an address that proves it to the sentinel.

    A server's misconfiguration shows a false chain too. So one of three things must hold as well: another service's
    name got a chain from the same false authority; or a helper, asked for this name, seemed to show a certificate of
    the same origin, and its own for scrambles; or many handshakes over several cycles brought nothing else. A chain
    that is merely for another name, or out of date, is no sign at all.
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
    at_helper = _forged_at_helper(facts, {certificate for step in false for certificate in step.certificates})
    if not is_shared and not at_helper and (len(false) + len(around) < ENOUGH_HANDSHAKES or not around):
        return None
    why = "nothing else came for cycles"
    if at_helper:
        why = "a helper's address showed one of the same origin for this name, and the helper's own for scrambles"
    elif is_shared:
        why = "another service's name got one from the same authority"
    return fired(
        "tls.forged",
        "Every handshake brought a certificate of no public authority, at an address that proves its name to the "
        f"sentinel, while controls proved theirs; {why}.",
        [*false, *at_helper, *around, *others, *proven],
        "tls.mitm.ca_signed" if all(len(step.certificates) > 1 for step in false) else "tls.mitm",
    )


def _forged_at_helper(facts: Facts, origin: set[str]) -> list[Step]:
    """Give the arms in which a helper's address showed a certificate out of ``origin`` for the target's name.

    None where a scramble ever got anything but the helper's own, because then the box reads no names, and none where a
    sentinel's arm failed, because then it stands at the helper's side. Once could be an accident of ours.
    """
    forged: list[Step] = []
    for pair in facts.measurement.pairs:
        if (pair.name_kind, pair.peer) != (NameKind.SNI, Peer.HELPER) or pair.target_arm is None:
            continue
        if pair.control_arm is None or pair.control_arm.failure == Failure.NOT_GENUINE:
            return []
        if pair.target_arm.failure == Failure.NOT_GENUINE and origin & set(pair.target_arm.certificates):
            forged.append(pair.target_arm)
    runs = [run for run in facts.pair_runs if (run.name_kind, run.peer) == (NameKind.SNI, Peer.HELPER)]
    is_sentinel_calm = any(
        r.sentinel is not None and r.sentinel.target_alive and not r.sentinel.discordant for r in runs
    )
    return forged if len(forged) >= ENOUGH_AT_HELPER and is_sentinel_calm else []


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


def genuine_for_others(facts: Facts) -> Evidence | None:
    """Fire where an address proves itself for a scramble or without a name, and shows a false chain for the target's.

    A server that is set up wrongly for one of its names looks the same: so this supports, and no more.
    """
    look = [step for step in facts.measurement.of_look("chain") if step.operation == Operation.TLS and not step.failure]
    false = [s for s in look if s.variant == "target" and s.certificate_failure == Failure.TLS_UNKNOWN_AUTHORITY]
    proven = [
        s for s in look if s.variant != "target" and s.certificate_failure in {None, Failure.TLS_INVALID_HOSTNAME}
    ]
    both = {s.address for s in false} & {s.address for s in proven}
    if not both or any(s.variant == "target" and s.certificate_failure is None for s in look):
        return None
    return fired(
        "tls.genuine_for_others",
        "The same address showed a chain of a public authority for another name, and a false one for the target's.",
        [s for s in (*false, *proven) if s.address in both],
    )


def reset_too_fast(facts: Facts) -> Evidence | None:
    """Fire where connections were reset sooner after the ClientHello than the server could have heard of it.

    The round trip is the shortest connect to the same address; a connect that may hide a repeated SYN is left out.
    """
    connects = [s for s in facts.measurement.of(Operation.TCP) if s.failure is None]
    trips: dict[str | None, float] = {}
    for step in connects:
        if step.duration_s <= LONGEST_UNREPEATED_CONNECT_S:
            trips[step.address] = min(step.duration_s, trips.get(step.address, step.duration_s))
    fast = [
        step
        for step in facts.measurement.of(Operation.TLS)
        if step.failure == Failure.CONNECTION_RESET
        and not step.is_peer_hello_received
        and step.duration_s < TOO_FAST * trips.get(step.address, 0.0)
    ]
    if len(fast) < ENOUGH_RESETS:
        return None
    return fired(
        "tls.reset_too_fast",
        f"{len(fast)} resets came in less than half a round trip after the ClientHello: not from the server.",
        fast,
    )


def untrusted(facts: Facts) -> Evidence | None:
    """Fire where no chain was right for the name, and it is not shown whose doing that is."""
    outcome = facts.measurement.outcome
    if outcome.reach is not Reach.CERTIFICATE:
        return None
    return fired("tls.untrusted", "No certificate chain was right for the name.", outcome.steps)


def clock(facts: Facts) -> Evidence | None:
    """Fire where this target's certificate is out of date, as are most of controls: this machine's clock is wrong."""
    outcome = facts.measurement.outcome
    if outcome.reach is not Reach.CERTIFICATE or not any(_is_stale(step) for step in outcome.steps):
        return None
    handshakes = _control_handshakes(facts.cycle)
    stale = [step for step in handshakes if _is_stale(step)]
    if len(stale) * 2 <= len(handshakes):
        return None
    return fired("tls.clock", "Certificates of controls are out of date too: this machine's clock is wrong.", stale)


def _is_stale(step: Step) -> bool:
    return step.certificate_failure == Failure.TLS_INVALID_CERTIFICATE


def _control_handshakes(cycle: CycleFacts) -> list[Step]:
    return [s for m in cycle.controls() for s in m.of(Operation.TLS) if s.failure is None or s.certificate_failure]


def _do_controls_verify(cycle: CycleFacts) -> bool:
    """Tell whether controls with TLS proved their names in both rounds, and none failed to."""
    for name in ROUNDS:
        with_tls = [m for m in cycle.controls(round_=name) if m.url.startswith("https:")]
        if not with_tls or any(m.outcome.reach is not Reach.VERIFIED for m in with_tls):
            return False
    return True
