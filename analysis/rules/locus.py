"""Whose doing it can be: a filter in one home reads names as well as an operator's box does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.locus import locus_of
from analysis.pairs import has_failed
from analysis.rules.dns import misled
from analysis.rules.evidence import Evidence, fired
from analysis.rules.reach import is_different_page
from probe.model import DnsTransport, Operation

if TYPE_CHECKING:
    from analysis.facts import Facts, MeasurementFacts, Witness

_OVER_THE_AIR = frozenset({"mobile", "satellite"})


def own_premises(facts: Facts) -> Evidence | None:
    """Fire where a target fails here, and at no other vantage of the same network and bearer.

    A parental filter, an office's firewall and a security program are selective too. Where another vantage of the
    network is struck as well, it is not the home; where none measures, nothing is said. An operator that strikes a
    part of its customers, and one of ours alone among them, cannot be told from a home's own filter.

    Or where packets show that what acts on the name stands before the first router: on a line of one's own, that is
    the volunteer's. Over the air the first router is the operator's already, and nothing is said.
    """
    if facts.measurement.outcome.is_reached and not is_different_page(facts) and misled(facts) is None:
        return None
    found = locus_of(facts.measurement)
    if found is not None and found.before == 1 and facts.cycle.vantage.bearer not in _OVER_THE_AIR:
        return fired(
            "locus.own_premises",
            "What acts on the name stands no further away than the first router: that is in this home or office.",
            found.steps,
        )
    beside = [witness for witness in facts.elsewhere if is_beside(facts, witness)]
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


def hop(facts: Facts) -> Evidence | None:
    """Fire where ladders of hop limits agree on where something acts on the name. It says where, and not who."""
    found = locus_of(facts.measurement)
    if found is None:
        return None
    of = f" of {found.distance}" if found.distance is not None else ""
    ways = {True: ", in the path", False: ", beside the path: what it acts on goes on", None: ""}
    copied = " What it forges carries the hop limit of what it answers." if found.is_copying else ""
    known = f" Routers that answered on either side: {', '.join(found.neighbours)}." if found.neighbours else ""
    return fired(
        "locus.hop",
        f"In {found.agreeing} of {found.ladders} ladders of hop limits the name, and no scramble of it, was acted on "
        f"between hop {found.after} and hop {found.before}{of}{ways[found.is_in_path]}.{copied}{known}",
        found.steps,
    )


def are_pairs_spared_beside(facts: Facts, kind: str) -> bool:
    """Tell whether other vantages of the same network and bearer made pairs of this kind, and none leaned."""
    arms = [
        has_failed(pair, pair.target_arm)
        for witness in facts.elsewhere
        if is_beside(facts, witness)
        for pair in witness.measurement.pairs
        if pair.name_kind == kind and not pair.is_negative_control and pair.target_arm is not None
    ]
    return bool(arms) and not any(arms)


def is_beside(facts: Facts, witness: Witness) -> bool:
    """Tell whether a witness stands in the same network, behind the same kind of line."""
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
