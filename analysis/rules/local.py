"""Faults of the vantage's own machine and network. A target that TLS proved genuine was reached in spite of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.outcome import Reach
from analysis.rules.evidence import Evidence, fired
from probe.model import Operation

if TYPE_CHECKING:
    from analysis.facts import Facts, MeasurementFacts, Step


def interface(facts: Facts) -> Evidence | None:
    """Fire where no interface was up, or no default route was set."""
    if facts.measurement.outcome.is_reached:
        return None
    if any(link.is_interface_up is False for link in facts.cycle.links):
        return fired("local.interface", "No interface of this machine was up.")
    if any(link.has_default_route is False for link in facts.cycle.links):
        return fired("local.interface", "This machine had no default route.")
    return None


def gateway(facts: Facts) -> Evidence | None:
    """Fire where the gateway was silent and nothing was reached; not where it never answers anyway."""
    if facts.cycle.is_anything_reached or facts.is_gateway_known_silent:
        return None
    if any(link.is_gateway_answering is False for link in facts.cycle.links):
        return fired("local.gateway", "The gateway of this network did not answer, and nothing was reached.")
    return None


def portal(facts: Facts) -> Evidence | None:
    """Fire where a portal check got another answer than its own, here and not at the sentinel."""
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
    return None


def _wrong_answer(check: MeasurementFacts) -> Step | None:
    """Give the answer that a portal would give: a page or a redirect, not a server's error and not silence."""
    for step in check.of(Operation.HTTP, redirect=0):
        if step.status is None or check.expect_status is None:
            continue
        if step.status != check.expect_status and (step.status < 500 or step.status == 511):  # RFC 6585
            return step
    return None
