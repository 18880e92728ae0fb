"""The rules: one list, one signature. A rule reads the facts of one measurement and gives evidence or nothing.

Adding a rule is adding a small function and one line here. An id is a
contract: ids are added, never re-pointed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.rules import (
    address,
    blockpage,
    controls,
    detour,
    dns,
    forged,
    instrument,
    intercepted,
    itself,
    local,
    locus,
    packets,
    pairs,
    quic,
    reach,
    shape,
    tls,
    transfers,
    unpaired,
    unpaired_dns,
    video,
)
from probe.model import NameKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.facts import Facts
    from analysis.rules.evidence import Evidence

RULESET_VERSION = "1"

CONCLUDING_NOTHING = frozenset({"bundle", "claims", "dashboard", "evaluate", "exchange", "lake", "report", "tables"})
"""Folders of the analysis that show or test conclusions, and draw none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A stable dotted id, and the function that looks for it."""

    id: str
    find: Callable[[Facts], Evidence | None]


_PAIR_RULES = {
    "selective": pairs.selective,
    "intermittent": pairs.intermittent,
    "leaning": pairs.leaning,
    "own_address": pairs.own_address,
    "weak": pairs.weak,
    "silent": pairs.silent,
}

_TRANSFER_RULES = {
    "throttled": transfers.throttled,
    "frozen": transfers.frozen,
    "stopped": transfers.stopped,
    "leaning": transfers.leaning,
    "own_address": transfers.own_address,
    "weak": transfers.weak,
}

RULES: tuple[Rule, ...] = (
    Rule("instrument.defect", instrument.defect),
    Rule("local.interface", local.interface),
    Rule("local.gateway", local.gateway),
    Rule("local.portal", local.portal),
    Rule("local.vpn", itself.vpn),
    Rule("local.other_network", itself.other_network),
    Rule("local.power", itself.power),
    Rule("local.rebooted", itself.rebooted),
    Rule("local.asleep", itself.asleep),
    Rule("upstream.silent_after_hop", itself.silent_after_hop),
    Rule("modem.data_refused", itself.data_refused),
    Rule("local.intercepted", intercepted.here_alone),
    Rule("tls.forged_for_all", intercepted.elsewhere_too),
    Rule("dark.everything", controls.everything_dark),
    Rule("dark.abroad", controls.abroad_dark),
    Rule("path.large_packets", controls.large_packets),
    Rule("path.resolver_broken", controls.resolver_broken),
    Rule("path.ipv6_broken", address.ipv6_broken),
    Rule("path.quic_dead", quic.dead),
    Rule("dns.two_answers", dns.two_answers),
    Rule("dns.two_answers.repeated", dns.two_answers_repeated),
    Rule("dns.bogon", dns.bogon),
    Rule("dns.bogon.alone", dns.bogon_alone),
    Rule("dns.nxdomain", dns.nxdomain),
    Rule("dns.nxdomain.alone", dns.nxdomain_alone),
    Rule("dns.forged_here", forged.forged_here),
    Rule("dns.forged_here.few", forged.forged_here_few),
    Rule("dns.port_intercepted", forged.port_intercepted),
    Rule("dns.tcp_port_intercepted", forged.tcp_port_intercepted),
    Rule("dns.resolver_intercepted", forged.resolver_intercepted),
    Rule("dns.wildcard", forged.wildcard),
    Rule("dns.wrong_host", dns.wrong_host),
    Rule("dns.misled", dns.misled),
    Rule("dns.unresolved", dns.unresolved),
    Rule("locus.own_premises", locus.own_premises),
    Rule("locus.hop", locus.hop),
    Rule("packets.odd_reset", packets.odd_reset),
    Rule("tls.forged", tls.forged),
    Rule("tls.untrusted", tls.untrusted),
    Rule("tls.clock", tls.clock),
    Rule("tls.genuine_for_others", tls.genuine_for_others),
    Rule("tls.reset_too_fast", tls.reset_too_fast),
    *(Rule(name, shape.matrix(name)) for name in shape.MATRIX),
    *(Rule(name, shape.shape(name)) for name in shape.SHAPES),
    Rule("shape.ech_fails", shape.ech_fails),
    Rule("path.long_names", shape.long_names_fail),
    Rule("reach.verified", reach.verified),
    Rule("reach.same_as_sentinel", reach.same_as_sentinel),
    Rule("reach.portal_check", reach.portal_check),
    Rule("reach.sentinel_itself", reach.sentinel_itself),
    Rule("reach.video_unread", reach.video_unread),
    Rule("reach.refused_here", reach.refused_here),
    Rule("reach.error_here", reach.error_here),
    Rule("reach.error_for_everyone", reach.error_for_everyone),
    Rule("reach.server_error", reach.server_error),
    Rule("reach.unconfirmed", reach.unconfirmed),
    Rule("reach.differs", reach.differs),
    Rule("http.blockpage", blockpage.known),
    Rule("http.blockpage.alone", blockpage.alone),
    Rule("http.blockpage.vague", blockpage.vague),
    Rule("http.proxied", blockpage.proxied),
    Rule("http.altered", blockpage.altered),
    Rule("video.plays", video.plays),
    Rule("video.played_recently", video.played_recently),
    Rule("video.named_page", video.named_page),
    Rule("video.sign_in", video.sign_in),
    Rule("video.withheld", video.withheld),
    Rule("video.removed", video.removed),
    Rule("video.private", video.private),
    Rule("video.refused_everywhere", video.refused_everywhere),
    Rule("video.unclear", video.unclear),
    Rule("video.media_selective", video.media_selective),
    Rule("video.media_leaning", video.media_leaning),
    Rule("video.media_down", video.media_down),
    Rule("video.media_dead", video.media_dead),
    Rule("video.thumbnail_dead", video.thumbnail_dead),
    Rule("controls.alive", controls.alive),
    Rule("controls.flapping", controls.flapping),
    Rule("controls.beside_failed", controls.beside_failed),
    Rule("controls.some_failed", controls.some_failed),
    Rule("controls.absent", controls.absent),
    Rule("detour.alive", detour.alive),
    Rule("detour.dead", detour.dead),
    Rule("sentinel.reached", controls.sentinel_reached),
    Rule("sentinel.fails", controls.sentinel_fails),
    Rule("sentinel.cut_off", controls.sentinel_cut_off),
    Rule("sentinel.absent", controls.sentinel_absent),
    *(
        Rule(f"pairs.{name}.{kind.value}", pairs.for_kind(rule, kind.value))
        for name, rule in _PAIR_RULES.items()
        for kind in NameKind
    ),
    *(
        Rule(f"transfers.{name}.{kind}", pairs.for_kind(rule, kind))
        for name, rule in _TRANSFER_RULES.items()
        for kind in transfers.KINDS
    ),
    Rule("transfers.both_slow", transfers.both_slow),
    Rule("transfers.sentinel_too", transfers.sentinel_too),
    Rule("pairs.sentinel_too", pairs.sentinel_too),
    Rule("pairs.negative_controls", pairs.negative_controls),
    Rule("pairs.mismatch", pairs.mismatch),
    Rule("pairs.unrevealed", pairs.unrevealed),
    Rule("address.only_this_target", address.only_this_target),
    Rule("address.dead", address.dead),
    Rule("unpaired.dns_denied", unpaired_dns.denied),
    Rule("unpaired.dns_bogon", unpaired_dns.bogon),
    Rule("unpaired.dns_astray", unpaired_dns.astray),
    Rule("unpaired.dns_detoured", unpaired_dns.detoured),
    Rule("unpaired.dns_ghost", unpaired_dns.ghost),
    Rule("unpaired.dns", unpaired.dns),
    Rule("unpaired.tcp", unpaired.tcp),
    Rule("unpaired.tls", unpaired.tls),
    Rule("unpaired.certificate", unpaired.certificate),
    Rule("unpaired.http", unpaired.http),
    Rule("unpaired.page", unpaired.page),
)


def find_all(facts: Facts) -> tuple[Evidence, ...]:
    """Give the evidence of every rule that fires, in the list's order."""
    found = (rule.find(facts) for rule in RULES)
    return tuple(evidence for evidence in found if evidence is not None)


def _ruleset() -> str:
    """Give the version, and a hash over all that can change a conclusion: rules, weights, states, grid, events."""
    root = Path(__file__).parents[1]
    files = {
        path.relative_to(root).as_posix(): path
        for kind in ("*.py", "*.yaml")
        for path in root.rglob(kind)
        if path.relative_to(root).parts[0] not in CONCLUDING_NOTHING
    }
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0")
        digest.update(files[name].read_bytes() + b"\0")
    return f"{RULESET_VERSION}+{digest.hexdigest()[:12]}"


RULESET = _ruleset()
