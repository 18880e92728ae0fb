"""Whose doing it can be: a filter in one home reads names as well as an operator's box does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.pairs import has_failed
from analysis.rules.dns import misled
from analysis.rules.evidence import Evidence, fired
from analysis.rules.reach import is_different_page
from probe.model import DnsTransport, Operation

if TYPE_CHECKING:
    from analysis.facts import Facts, MeasurementFacts, Witness


def own_premises(facts: Facts) -> Evidence | None:
    """Fire where a target fails here, and at no other vantage of the same network and bearer.

    A parental filter, an office's firewall and a security program are selective too. Where another vantage of the
    network is struck as well, it is not the home; where none measures, nothing is said. An operator that strikes a
    part of its customers, and one of ours alone among them, cannot be told from a home's own filter.
    """
    if facts.measurement.outcome.is_reached and not is_different_page(facts) and misled(facts) is None:
        return None
    beside = [witness for witness in facts.elsewhere if _is_beside(facts, witness)]
    nearest = {witness.cycle.vantage.vantage_id: witness for witness in reversed(beside)}
    if not nearest or not all(_is_spared(witness.measurement) for witness in nearest.values()):
        return None
    shown = [step for witness in nearest.values() for step in witness.measurement.outcome.steps]
    return fired(
        "locus.own_premises",
        "Other vantages in the same network meet the target at the same time: what stands in this home or office may "
        "be the cause.",
        shown,
    )


def _is_beside(facts: Facts, witness: Witness) -> bool:
    here, there = facts.cycle.vantage, witness.cycle.vantage
    return here.network is not None and (here.network, here.bearer) == (there.network, there.bearer)


def _is_spared(measurement: MeasurementFacts) -> bool:
    """Tell whether a measurement met its target by what its own system's resolver said, and no pair leaned."""
    own = {
        address
        for query in measurement.of(Operation.DNS, redirect=0)
        if query.transport == DnsTransport.SYSTEM
        for address in query.addresses
    }
    met = any(step.address in own and step.failure is None for step in measurement.of(Operation.HTTP, redirect=0))
    return (
        met
        and measurement.outcome.is_reached
        and not any(pair.target_arm is not None and has_failed(pair, pair.target_arm) for pair in measurement.pairs)
    )
