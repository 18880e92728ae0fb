"""Faults of the vantage's own machine and network. A target that TLS proved genuine was reached in spite of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.outcome import Reach
from analysis.rules.evidence import Evidence, fired
from analysis.rules.itself import looks_near
from probe.addresses import is_public_address, parse_address
from probe.model import DnsTransport, Operation, TargetKind

if TYPE_CHECKING:
    from analysis.facts import CycleFacts, Facts, MeasurementFacts, Step


def interface(facts: Facts) -> Evidence | None:
    """Fire where no interface was up, or no default route was set."""
    if facts.measurement.outcome.is_reached:
        return None
    near = looks_near(facts)
    if any(link.is_interface_up is False for link in near):
        return fired("local.interface", "No interface of this machine was up.")
    if any(link.has_default_route is False for link in near):
        return fired("local.interface", "This machine had no default route.")
    return None


def gateway(facts: Facts) -> Evidence | None:
    """Fire where the gateway was silent and nothing was reached; not where it never answers anyway.

    A gateway that said where it is on the local network is switched on, whatever else it keeps to itself.
    """
    if facts.cycle.is_anything_reached:
        return None
    told = [link.is_gateway_neighbour for link in facts.cycle.links if link.is_gateway_neighbour is not None]
    if told and not told[-1]:
        return fired("local.gateway", "The gateway of this network was not there any more, and nothing was reached.")
    if told or facts.is_gateway_known_silent:
        return None
    if any(link.is_gateway_answering is False for link in facts.cycle.links):
        return fired("local.gateway", "The gateway of this network did not answer, and nothing was reached.")
    return None


def portal(facts: Facts) -> Evidence | None:
    """Fire where a portal check got another answer than its own, here and not at the sentinel.

    Or where every name, the portal check's too, was answered with a private address alone: there a portal waits
    which no probe dials.
    """
    if facts.measurement.outcome.reach is Reach.VERIFIED:
        return None
    elsewhere = facts.sentinel.cycle.portal_checks if facts.sentinel else ()
    broken = {check.target for check in elsewhere if _wrong_answer(check)}
    for check in facts.cycle.portal_checks:
        answer = _wrong_answer(check)
        if answer is not None and check.target not in broken:
            return fired(
                "local.portal",
                f"The portal check {check.target} was answered with status {answer.status} "
                f"instead of {check.expect_status}: a captive portal stands in between.",
                [answer],
            )
    private = _private_answers(facts.cycle)
    if private and not any(_private_answers(w.cycle) for w in facts.usable_sentinels):
        return fired(
            "local.portal",
            "Every name, the portal check's too, was answered with an address of a private network: a captive portal "
            "stands in between.",
            private,
        )
    return None


def _private_answers(cycle: CycleFacts) -> list[Step]:
    """Give the system's DNS answers to controls and portal checks, if there are both and all are private addresses."""
    asked = [(m, step) for m in (*cycle.controls(), *cycle.portal_checks) for step in m.of(Operation.DNS, redirect=0)]
    answered = [(m, step) for m, step in asked if step.transport == DnsTransport.SYSTEM and step.addresses]
    kinds = {m.kind == TargetKind.PORTAL_CHECK for m, _ in answered}
    parsed = [parse_address(address) for _, step in answered for address in step.addresses]
    is_private = all(address is not None and not is_public_address(address) for address in parsed)
    return [step for _, step in answered] if kinds == {True, False} and is_private else []


def _wrong_answer(check: MeasurementFacts) -> Step | None:
    """Give the answer that a portal would give: a page or a redirect, not a server's error and not silence."""
    for step in check.of(Operation.HTTP, redirect=0):
        if step.status is None or check.expect_status is None:
            continue
        if step.status != check.expect_status and (step.status < 500 or step.status == 511):  # RFC 6585
            return step
    return None
