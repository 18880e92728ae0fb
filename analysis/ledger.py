"""What stands for an event, and against it: one entry a witness, by channel.

A: randomised contrasts within one path, and artefacts that damage cannot write.
B: structure across vantages, and what a vantage knows of its own link. C is
not used yet. Weights are shown and never added up across channels.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.combining import pooled
from analysis.rules.evidence import MAX_WITNESSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analysis.facts import Facts
    from analysis.rules.evidence import Evidence
    from analysis.states import Decision

    Judgement = tuple[Facts, tuple[Evidence, ...], Decision]

_BETS = ("pairs.selective.", "pairs.intermittent.", "pairs.leaning.", "pairs.weak.")
_PAIR_PREFIXES = (*_BETS, "pairs.own_address.", "transfers.")
_ARTEFACTS = (
    "dns.two_answers",
    "dns.two_answers.repeated",
    "dns.bogon",
    "dns.nxdomain",
    "dns.forged_here",
    "dns.forged_here.few",
    "tls.forged",
    "tls.forged_for_all",
)
_STRUCTURE = (
    "local.interface",
    "local.gateway",
    "local.portal",
    "local.power",
    "local.rebooted",
    "local.asleep",
    "upstream.silent_after_hop",
    "modem.data_refused",
    "dark.everything",
    "dark.abroad",
    "path.large_packets",
    "path.resolver_broken",
    "sentinel.fails",
    "reach.refused_here",
    "reach.error_for_everyone",
    "address.only_this_target",
    "controls.flapping",
    "controls.beside_failed",
    "detour.alive",
    "detour.dead",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an event's ledger."""

    channel: str
    kind: str
    log10_lr: float
    witness: tuple[str, ...]
    text: str

    def as_dict(self) -> dict[str, Any]:
        """Give the entry as it is stored and printed."""
        return {
            "channel": self.channel,
            "kind": self.kind,
            "log10_lr": self.log10_lr,
            "witness": list(self.witness),
            "text": self.text,
        }


def ledger_of(judgements: Sequence[Judgement], *, reads_names: bool) -> tuple[Entry, ...]:
    """Give the ledger of one event: pairs one by one and pooled, then artefacts, then structure.

    Of an event whose cause reads no names (``reads_names`` false: darkness, a fault
    of the vantage) only the structure counts. A name that was blocked before the
    lights went out shows nothing of why they did.
    """
    found: dict[tuple[str, str, str], list[Evidence]] = defaultdict(list)
    for facts, evidence, _ in judgements:
        for item in evidence:
            found[item.rule, facts.measurement.vantage_id, facts.measurement.target].append(item)
    entries: list[Entry] = []
    bets: dict[str, list[float]] = defaultdict(list)
    for (rule, vantage, target), items in sorted(found.items()) if reads_names else ():
        if not rule.startswith(_PAIR_PREFIXES):
            continue
        best = max(items, key=lambda item: (item.log10_lr, item.text))
        entries.append(Entry("A", rule, best.log10_lr, best.observations, f"{vantage}, {target}: {best.text}"))
        if rule.startswith(_BETS):
            bets[vantage].append(best.log10_lr)
    entries += _pooled(bets)
    entries += _counted("A", found, _ARTEFACTS) if reads_names else []
    entries += _counted("B", found, _STRUCTURE)
    entries += _counted("B", found, ("locus.hop", "packets.odd_reset")) if reads_names else []
    return tuple(entries)


def _pooled(bets: dict[str, list[float]]) -> list[Entry]:
    """Give the product over vantages, whose seeds are independent, and what is left without any one of them.

    Of a vantage counts the mean of its bets on the event's names, those that are not enough included: the strongest of
    several would be chosen by its result.
    """
    product = pooled(bets)
    if product is None:
        return []
    text = (
        f"Over {product.vantages} vantages together, each with the mean of its bets: log10 E = {product.log10_e:.1f}; "
        f"without any one of them at least {product.without_any:.1f}."
    )
    return [Entry("A", "pairs.pooled", round(product.log10_e, 6), (), text)]


def _counted(channel: str, found: dict[tuple[str, str, str], list[Evidence]], rules: Iterable[str]) -> list[Entry]:
    entries: list[Entry] = []
    for rule in rules:
        items = [item for (name, _, _), several in sorted(found.items()) if name == rule for item in several]
        if not items:
            continue
        witness = tuple(dict.fromkeys(o for item in items for o in item.observations))
        weight = max(item.log10_lr for item in items)
        text = f"In {len(items)} measurement(s): {min(item.text for item in items)}"
        entries.append(Entry(channel, rule, weight, witness[:MAX_WITNESSES], text))
    return entries
