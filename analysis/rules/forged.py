"""Answers that came from where no resolver runs: each was forged on the way, and the only question is for which names.

The technique ``non-resolver`` asks the target's name and a control's in pairs,
order drawn at random, and scrambles beside them. A box that answers for every
name reads no name. Where the target's alone is answered, chance is excluded by
counting as in :mod:`analysis.pairs`: a box that answered for all names, over a
path that loses much, would leave either name of a pair out alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.pairs import log10_e
from analysis.rules.dns import is_name_misanswered, is_public
from analysis.rules.evidence import Evidence, fired
from probe.failures import Failure
from probe.techniques.dns_checks import DNS_CHECKS
from probe.techniques.non_resolver import CONTROL, NON_RESOLVER, SCRAMBLE, TARGET

if TYPE_CHECKING:
    from analysis.facts import Facts, MeasurementFacts, Step

CALL_LOG10_E = 3.0
LEAN_LOG10_E = 1.0
ENOUGH_HERE = 3
"""Forged answers in this measurement itself: its neighbours' alone say nothing of it."""
ENOUGH_INTERCEPTED = 2
ENOUGH_INVENTED = 2
"""Names under different controls: one zone may honestly answer for every label."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at where no resolver runs."""

    forged: tuple[Step, ...]
    """Questions for the target's name that something answered."""
    controls: int
    """Questions for names of controls."""
    others: tuple[Step, ...]
    """Questions for names of controls and for scrambles that something answered."""

    @property
    def counted(self) -> int:
        """Pairs in which the target's name alone was answered, where no other name was."""
        return min(len(self.forged), self.controls)


def forged_here(facts: Facts) -> Evidence | None:
    """Fire where answers came to the target's name alone, in so many pairs that chance is excluded (E >= 1,000)."""
    return _forged(facts, "dns.forged_here", CALL_LOG10_E, None)


def forged_here_few(facts: Facts) -> Evidence | None:
    """Fire where it was so in fewer pairs (E >= 10)."""
    return _forged(facts, "dns.forged_here.few", LEAN_LOG10_E, CALL_LOG10_E)


def _forged(facts: Facts, rule: str, least: float, below: float | None) -> Evidence | None:
    here = _look(facts.measurement)
    around = [_look(witness.measurement) for witness in facts.neighbours]
    if len(here.forged) < ENOUGH_HERE or any(look.others for look in (here, *around)):
        return None
    if not facts.cycle.is_well_connected or not is_name_misanswered(facts):
        return None
    if any(look.forged or look.others for look in (_look(witness.measurement) for witness in facts.sentinels)):
        return None  # something answers there for everybody: the address is not what the schedule says
    count = sum(look.counted for look in (here, *around))
    weight = log10_e(count, count)
    if weight < least or (below is not None and weight >= below):
        return None
    return fired(
        rule,
        f"Asked where no resolver runs, the name was answered in {count} pair(s) of questions and the control's name "
        "in none: the answers were forged on the way.",
        [step for look in (here, *around) for step in look.forged],
        _mechanism(here.forged),
    )


def port_intercepted(facts: Facts) -> Evidence | None:
    """Fire where control names were answered as well: port 53 is answered by something on the way, whatever the name.

    Many home routers and operators do so, to filter or only to cache; it accuses nobody.
    """
    others = _look(facts.measurement).others
    if len(others) < ENOUGH_INTERCEPTED:
        return None
    return fired(
        "dns.port_intercepted",
        "Asked where no resolver runs, other names were answered too: something on the way takes every question.",
        others,
    )


def wildcard(facts: Facts) -> Evidence | None:
    """Fire where a resolver gave addresses for names that nobody has, of two sites, and another denied one of them.

    What it says of a name that does not exist is then no sign of anything; it accuses nobody.
    """
    steps = [step for step in facts.measurement.of_look(DNS_CHECKS.name) if step.query_type == "A"]
    denied = {step.name for step in steps if step.failure == Failure.DNS_NXDOMAIN}
    told = [step for step in steps if step.addresses]
    names: dict[str | None, set[str | None]] = {}
    for step in told:
        names.setdefault(step.resolver, set()).add(step.name)
    inventing = sorted(str(r) for r, given in names.items() if len(given) >= ENOUGH_INVENTED and given & denied)
    if not inventing:
        return None
    return fired(
        "dns.wildcard",
        f"The resolver {', '.join(inventing)} gave addresses for names that nobody has, and another denied them.",
        [step for step in told if step.resolver in inventing],
    )


def _look(measurement: MeasurementFacts) -> _Look:
    steps = measurement.of_look(NON_RESOLVER.name)
    answered = [step for step in steps if step.valid_answers]
    return _Look(
        forged=tuple(step for step in answered if step.variant == TARGET),
        controls=sum(step.variant == CONTROL for step in steps),
        others=tuple(step for step in answered if step.variant in {CONTROL, SCRAMBLE}),
    )


def _mechanism(forged: tuple[Step, ...]) -> str:
    answers = [answer for step in forged for answer in step.valid_answers]
    if all(answer.addresses and not any(map(is_public, answer.addresses)) for answer in answers):
        return "dns.injection.bogon"
    return "dns.nxdomain" if all(answer.rcode == "NXDOMAIN" for answer in answers) else "dns.injection"
