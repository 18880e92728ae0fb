"""Answers that came from where no resolver runs: each was forged on the way, and the only question is for which names.

The technique ``non-resolver`` asks the target's name and a control's in pairs,
order drawn at random, and scrambles beside them. A box that answers for every
name reads no name. Where the target's alone is answered, chance is excluded by
counting as in :mod:`analysis.pairs`: a box that answered for all names, over a
path that loses much, would leave either name of a pair out alike.

What answers in a public resolver's place shows by what it calls itself, and by
the network that it asks on from (``dns-checks``). To take the place of a
resolver is common, in homes too, and by itself no block of anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.pairs import log10_e
from analysis.rules.dns import is_name_misanswered, is_public
from analysis.rules.evidence import Evidence, fired
from probe.failures import Failure
from probe.techniques.dns_checks import DNS_CHECKS, IDENTITY, UNUSED, WHOAMI
from probe.techniques.non_resolver import CONTROL, NON_RESOLVER, SCRAMBLE, TARGET, TCP_CONTROL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.facts import Facts, MeasurementFacts, Step

CALL_LOG10_E = 3.0
LEAN_LOG10_E = 1.0
ENOUGH_HERE = 3
"""Forged answers in this measurement itself: its neighbours' alone say nothing of it."""
ENOUGH_INTERCEPTED = 2
ENOUGH_RENAMED = 2
"""Names for itself that differ from what a sentinel was told: one may differ from site to site of a large resolver."""
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


def tcp_port_intercepted(facts: Facts) -> Evidence | None:
    """Fire where control names were answered over TCP too, where no resolver runs. It accuses nobody."""
    steps = facts.measurement.of_look(NON_RESOLVER.name)
    answered = [step for step in steps if step.variant == TCP_CONTROL and step.valid_answers]
    if len(answered) < ENOUGH_INTERCEPTED:
        return None
    return fired(
        "dns.tcp_port_intercepted",
        "Asked over TCP where no resolver runs, other names were answered: something on the way takes every "
        "connection to port 53.",
        answered,
    )


def resolver_intercepted(facts: Facts) -> Evidence | None:
    """Fire where a public resolver asked on from other networks than a sentinel saw, or called itself otherwise.

    It accuses nobody: what answers in a resolver's place may do so for everyone's good, and large resolvers are not
    alike at all their sites.
    """
    here = _by_resolver(facts.measurement.of_look(DNS_CHECKS.name))
    there = _by_resolver(
        [step for witness in facts.usable_sentinels for step in witness.measurement.of_look(DNS_CHECKS.name)]
    )
    signs: list[str] = []
    shown: list[Step] = []
    for address in sorted(here.keys() & there.keys()):
        found = _signs(here[address], there[address])
        if found:
            signs.append(f"{address} {found}")
            shown += [*here[address], *there[address]]
    if not signs:
        return None
    return fired(
        "dns.resolver_intercepted",
        f"Public resolvers were not who they were to the sentinel: {'; '.join(signs)}. Something on the way may answer "
        "in their place.",
        shown,
    )


def _by_resolver(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """Group what was asked about resolvers themselves by their addresses; what nothing answered says nothing."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        if step.variant in {IDENTITY, WHOAMI} and step.address is not None and step.valid_answers:
            found.setdefault(step.address, []).append(step)
    return found


def _signs(here: Sequence[Step], there: Sequence[Step]) -> str | None:
    """Say how a resolver differs between two vantages; ``None`` where it does not enough."""
    ours, theirs = _networks(here), _networks(there)
    if ours and theirs and not ours & theirs:
        return f"asked on from {', '.join(sorted(ours))} (there {', '.join(sorted(theirs))})"
    own, other = _own_names(here), _own_names(there)
    renamed = [question for question in own.keys() & other.keys() if not own[question] & other[question]]
    return f"gave {len(renamed)} other names for itself" if len(renamed) >= ENOUGH_RENAMED else None


def _networks(steps: Sequence[Step]) -> set[str]:
    asked = [answer for step in steps if step.variant == WHOAMI for answer in step.valid_answers]
    return {network for answer in asked for network in answer.networks if network is not None}


def _own_names(steps: Sequence[Step]) -> dict[str, set[str]]:
    """Give what a resolver calls itself, by how it was asked; where it does not say, the kind of its refusal."""
    found: dict[str, set[str]] = {}
    for step in steps:
        if step.variant == IDENTITY:
            question = str(step.name) if step.query_type == "TXT" else "nsid"
            found.setdefault(question, set()).update(a.identity or str(a.rcode) for a in step.valid_answers)
    return found


def wildcard(facts: Facts) -> Evidence | None:
    """Fire where a resolver gave addresses for names that nobody has, of two sites, and another denied one of them.

    What it says of a name that does not exist is then no sign of anything; it accuses nobody.
    """
    looks = facts.measurement.of_look(DNS_CHECKS.name)
    steps = [step for step in looks if step.query_type == "A" and step.variant == UNUSED]
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
