"""The rules: one list, one signature. A rule reads the facts of one measurement and gives evidence or nothing.

Adding a rule is adding a small function and one line here. An id is a
contract: ids are added, never re-pointed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.rules import address, controls, dns, local, locus, pairs, reach, tls
from probe.model import NameKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.facts import Facts
    from analysis.rules.evidence import Evidence

RULESET_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Rule:
    """A stable dotted id, and the function that looks for it."""

    id: str
    find: Callable[[Facts], Evidence | None]


_PAIR_RULES = {
    "selective": pairs.selective,
    "leaning": pairs.leaning,
    "own_address": pairs.own_address,
    "weak": pairs.weak,
    "silent": pairs.silent,
}

RULES: tuple[Rule, ...] = (
    Rule("local.interface", local.interface),
    Rule("local.gateway", local.gateway),
    Rule("local.portal", local.portal),
    Rule("dark.everything", controls.everything_dark),
    Rule("dark.abroad", controls.abroad_dark),
    Rule("path.large_packets", controls.large_packets),
    Rule("path.resolver_broken", controls.resolver_broken),
    Rule("path.ipv6_broken", address.ipv6_broken),
    Rule("dns.two_answers", dns.two_answers),
    Rule("dns.two_answers.repeated", dns.two_answers_repeated),
    Rule("dns.bogon", dns.bogon),
    Rule("dns.bogon.alone", dns.bogon_alone),
    Rule("dns.nxdomain", dns.nxdomain),
    Rule("dns.nxdomain.alone", dns.nxdomain_alone),
    Rule("dns.wrong_host", dns.wrong_host),
    Rule("dns.misled", dns.misled),
    Rule("dns.unresolved", dns.unresolved),
    Rule("locus.own_premises", locus.own_premises),
    Rule("tls.forged", tls.forged),
    Rule("tls.untrusted", tls.untrusted),
    Rule("tls.clock", tls.clock),
    Rule("reach.verified", reach.verified),
    Rule("reach.same_as_sentinel", reach.same_as_sentinel),
    Rule("reach.portal_check", reach.portal_check),
    Rule("reach.sentinel_itself", reach.sentinel_itself),
    Rule("reach.video_unread", reach.video_unread),
    Rule("reach.refused_here", reach.refused_here),
    Rule("reach.error_for_everyone", reach.error_for_everyone),
    Rule("reach.server_error", reach.server_error),
    Rule("reach.unconfirmed", reach.unconfirmed),
    Rule("reach.differs", reach.differs),
    Rule("controls.alive", controls.alive),
    Rule("controls.flapping", controls.flapping),
    Rule("controls.some_failed", controls.some_failed),
    Rule("controls.absent", controls.absent),
    Rule("sentinel.reached", controls.sentinel_reached),
    Rule("sentinel.fails", controls.sentinel_fails),
    Rule("sentinel.cut_off", controls.sentinel_cut_off),
    Rule("sentinel.absent", controls.sentinel_absent),
    *(
        Rule(f"pairs.{name}.{kind.value}", pairs.for_kind(rule, kind.value))
        for name, rule in _PAIR_RULES.items()
        for kind in NameKind
    ),
    Rule("pairs.sentinel_too", pairs.sentinel_too),
    Rule("pairs.negative_controls", pairs.negative_controls),
    Rule("pairs.mismatch", pairs.mismatch),
    Rule("pairs.unrevealed", pairs.unrevealed),
    Rule("address.only_this_target", address.only_this_target),
    Rule("address.dead", address.dead),
)


def find_all(facts: Facts) -> tuple[Evidence, ...]:
    """Give the evidence of every rule that fires, in the list's order."""
    found = (rule.find(facts) for rule in RULES)
    return tuple(evidence for evidence in found if evidence is not None)


def _ruleset() -> str:
    """Give the version, and a hash over all that can change a conclusion: rules, weights, states, events."""
    package = Path(__file__).parent
    files = [*package.glob("*.py"), *package.glob("*.yaml"), *package.parent.glob("*.py")]
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda path: path.relative_to(package.parent).as_posix()):
        digest.update(file.relative_to(package.parent).as_posix().encode() + b"\0")
        digest.update(file.read_bytes() + b"\0")
    return f"{RULESET_VERSION}+{digest.hexdigest()[:12]}"


RULESET = _ruleset()
