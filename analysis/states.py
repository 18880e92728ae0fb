"""From evidence to one state: a table, read from the top.

Each row names a state and the rules any of which supports it. The first row
with evidence decides. Weights are not added: many small signs never make a
`blocked`. Whatever no row catches is `insufficient`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from analysis.outcome import Reach
from probe.model import NameKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.facts import Facts
    from analysis.rules.evidence import Evidence


class State(StrEnum):
    """What one measurement shows."""

    OK = "ok"
    TAMPERED = "tampered"
    BLOCKED = "blocked"
    SUSPECTED = "suspected"
    THROTTLED = "throttled"
    WITHHELD = "withheld"
    DOWN = "down"
    DARK = "dark"
    LOCAL = "local"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class Row:
    """A state, and the rules that support it."""

    state: State
    rules: tuple[str, ...]


def _each_kind(name: str) -> tuple[str, ...]:
    return tuple(f"{name}.{kind.value}" for kind in NameKind)


def _transfers(name: str) -> tuple[str, ...]:
    return tuple(f"transfers.{name}.{kind.value}" for kind in (NameKind.SNI, NameKind.HOST))


STATE_TABLE: tuple[Row, ...] = (
    Row(State.INSUFFICIENT, ("instrument.defect",)),
    Row(State.INSUFFICIENT, ("local.vpn",)),
    Row(
        State.LOCAL,
        (
            "local.power",
            "local.rebooted",
            "local.asleep",
            "local.interface",
            "local.gateway",
            "local.portal",
            "local.intercepted",
        ),
    ),
    Row(State.DARK, ("dark.everything", "dark.abroad")),
    Row(State.INSUFFICIENT, ("locus.own_premises",)),
    Row(
        State.BLOCKED,
        ("dns.two_answers.repeated", "dns.bogon", "dns.nxdomain", "dns.forged_here", "pairs.selective.qname"),
    ),
    Row(State.WITHHELD, ("reach.refused_here", "reach.error_here", "video.sign_in", "video.withheld")),
    Row(State.DOWN, ("reach.error_for_everyone", "video.removed", "video.private", "video.refused_everywhere")),
    Row(State.SUSPECTED, ("dns.bogon.alone", "dns.nxdomain.alone", "dns.forged_here.few", "pairs.leaning.qname")),
    Row(
        State.SUSPECTED,
        (
            "unpaired.dns_denied",
            "unpaired.dns_bogon",
            "unpaired.dns_astray",
            "unpaired.dns_detoured",
            "unpaired.dns_ghost",
        ),
    ),
    Row(State.INSUFFICIENT, ("dns.misled",)),
    Row(State.BLOCKED, ("pairs.selective.quic",)),
    Row(State.BLOCKED, ("http.blockpage", "video.media_selective")),
    Row(State.TAMPERED, ("http.altered", "http.proxied")),
    Row(State.DOWN, ("video.media_down",)),
    Row(State.SUSPECTED, ("video.media_leaning",)),
    Row(State.BLOCKED, _transfers("stopped")),
    Row(State.THROTTLED, (*_transfers("throttled"), *_transfers("frozen"))),
    Row(State.SUSPECTED, (*_transfers("leaning"), *_transfers("own_address"))),
    Row(
        State.BLOCKED,
        tuple(f"pairs.intermittent.{kind.value}" for kind in (NameKind.SNI, NameKind.HOST, NameKind.PATH)),
    ),
    Row(
        State.OK,
        (
            "reach.verified",
            "reach.portal_check",
            "reach.same_as_sentinel",
            "reach.sentinel_itself",
            "video.plays",
            "video.played_recently",
            "video.named_page",
        ),
    ),
    Row(State.TAMPERED, ("tls.forged", "tls.forged_for_all")),
    Row(State.BLOCKED, _each_kind("pairs.selective")),
    Row(State.DOWN, ("sentinel.fails",)),
    Row(State.LOCAL, ("tls.clock",)),
    Row(
        State.SUSPECTED,
        (
            "dns.two_answers",
            "http.blockpage.alone",
            *_each_kind("pairs.leaning"),
            *_each_kind("pairs.own_address"),
            "address.only_this_target",
            "unpaired.dns",
            "unpaired.tcp",
            "unpaired.tls",
            "unpaired.certificate",
            "unpaired.http",
            "unpaired.page",
        ),
    ),
    Row(
        State.INSUFFICIENT,
        (
            "path.large_packets",
            "path.resolver_broken",
            "controls.flapping",
            "video.media_dead",
            "video.unclear",
            "reach.server_error",
            "reach.video_unread",
            "http.blockpage.vague",
            "reach.differs",
            "reach.unconfirmed",
            "dns.wrong_host",
            "tls.untrusted",
            "pairs.mismatch",
            "pairs.unrevealed",
            "pairs.sentinel_too",
            "pairs.negative_controls",
            "transfers.sentinel_too",
            *_each_kind("pairs.weak"),
            *_transfers("weak"),
            "controls.beside_failed",
            "controls.some_failed",
            "address.dead",
            "dns.unresolved",
            "dns.port_intercepted",
            "dns.tcp_port_intercepted",
            "dns.resolver_intercepted",
            "dns.wildcard",
            *_each_kind("pairs.silent"),
            "transfers.both_slow",
            "sentinel.cut_off",
            "sentinel.absent",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What one measurement shows, how, and why in one sentence."""

    state: State
    mechanisms: tuple[str, ...]
    reason: str
    rule: str | None
    """The rule that decided."""


def decide(evidence: Sequence[Evidence], facts: Facts) -> Decision:
    """Give the state that the evidence supports. Never raises; nothing known gives `insufficient`."""
    by_rule = {item.rule: item for item in evidence}
    for row in STATE_TABLE:
        deciding = next((by_rule[rule] for rule in row.rules if rule in by_rule), None)
        if deciding is not None:
            return Decision(row.state, _mechanisms(row.state, by_rule), deciding.text, deciding.rule)
    if facts.measurement.outcome.reach is Reach.UNMEASURED:
        return Decision(State.INSUFFICIENT, (), "Nothing was measured.", None)
    return Decision(State.INSUFFICIENT, (), "The target failed, and nothing shows why.", None)


def _mechanisms(state: State, by_rule: dict[str, Evidence]) -> tuple[str, ...]:
    """Give the mechanisms of all evidence that supports the state, each once."""
    rules = [rule for row in STATE_TABLE if row.state is state for rule in row.rules]
    named = (by_rule[rule].mechanism for rule in rules if rule in by_rule)
    return tuple(sorted({mechanism for mechanism in named if mechanism}))
