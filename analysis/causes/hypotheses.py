"""Both hypotheses on an event, each with what speaks for it and its witness, and what would change the conclusion.

"Deliberate" means: keyed to a name, an operator or a bearer, and not explained by
any plant that is known. It does not mean that anybody's intent was measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.causes.cause import Cause
from analysis.rules.evidence import MAX_WITNESSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from analysis.ledger import Entry

DARK = frozenset({Cause.SHUTDOWN, Cause.DAMAGE, Cause.DARK_UNDETERMINED})

CLOCK_MOST = 0.4
"""Bound on channel C together."""

_DELIBERATE = {
    Cause.SELECTIVE_BLOCKING: "Something on the way reads the name and stops what carries it.",
    Cause.THROTTLING: "Something on the way reads the name and slows what carries it.",
    Cause.TAMPERING: "Something on the way answers in the place of the site.",
    Cause.WITHHOLDING: "Somebody on the way keeps the site from answering.",
    Cause.TARGET_DOWN: "Somebody on the way stops the site for all who look, sentinels too.",
    Cause.VANTAGE_LOCAL: "Somebody cut off this vantage alone.",
    Cause.INSUFFICIENT: "Something on the way reads the name.",
}
_NOT_DELIBERATE = {
    Cause.SELECTIVE_BLOCKING: "Chance, or a benign box near the vantage that reads names.",
    Cause.THROTTLING: "Congestion that met one name and spared the other, time after time, by chance.",
    Cause.TAMPERING: "A proxy or a security program near the vantage.",
    Cause.WITHHOLDING: "The server or the platform refuses this client or country, as it says itself.",
    Cause.TARGET_DOWN: "The site failed: it fails for sentinels abroad as well.",
    Cause.VANTAGE_LOCAL: "A fault of this machine or its own network.",
    Cause.INSUFFICIENT: "A fault of the path, the site or the vantage.",
}
_CUT_OFF = "Connections were switched off by order: what went dark follows an operator, a bearer or a name."
_BROKEN = "Something failed: power, a line, or an element that all that went dark share, known or unknown."


def hypotheses_of(cause: Cause, entries: Sequence[Entry]) -> tuple[dict[str, Any], ...]:
    """Give both hypotheses, always: the sums by channel of the entries that speak for each, and their witness."""
    is_dark = cause in DARK
    return (
        _hypothesis("deliberate", _CUT_OFF if is_dark else _DELIBERATE[cause], entries, lambda lr: lr),
        _hypothesis("not deliberate", _BROKEN if is_dark else _NOT_DELIBERATE[cause], entries, lambda lr: -lr),
    )


def _hypothesis(name: str, text: str, entries: Sequence[Entry], favour: Callable[[float], float]) -> dict[str, Any]:
    speaking = [entry for entry in entries if favour(entry.log10_lr) > 0]
    sums = {channel: _sum(speaking, channel) for channel in ("A", "B", "C")}
    witness = tuple(dict.fromkeys(row for entry in speaking for row in entry.witness))
    return {
        "hypothesis": name,
        "text": text,
        "log10_lr": sums,
        "kinds": sorted({entry.kind for entry in speaking}),
        "witness": list(witness[:MAX_WITNESSES]),
    }


def _sum(speaking: Iterable[Entry], channel: str) -> float:
    """Sum one channel. Of channel A the strongest alone counts: its entries are made from the same pairs."""
    values = [abs(entry.log10_lr) for entry in speaking if entry.channel == channel]
    if channel == "A":
        return round(max(values, default=0.0), 6)
    total = sum(values)
    return round(min(total, CLOCK_MOST) if channel == "C" else total, 6)


def would_change(cause: Cause, entries: Sequence[Entry], vantages: Sequence[str], networks: int) -> tuple[str, ...]:
    """Give one or two sentences on what is missing, chosen by what there is."""
    kinds = {entry.kind for entry in entries}
    prefixes = {kind.partition(".")[0] for kind in kinds}
    names = ", ".join(vantages[:3])
    if cause in DARK:
        missing = [
            (len(vantages) < 2, f"A second vantage in the same place and network, beside {names}."),
            (
                cause is Cause.SHUTDOWN,
                "A shared element that failed then, documented by its owner, or signs of lost power.",
            ),
            (
                cause is Cause.DAMAGE,
                "That what failed was switched off on purpose, by whoever runs it: no measurement shows it.",
            ),
            ("recorder" not in prefixes, f"The flight recorder of {names} for those hours."),
            (
                "modem" not in prefixes and "power" not in prefixes,
                f"What a modem or the mains told at {names} for those hours.",
            ),
            (networks > 1 and "plant" not in prefixes, "A documented graph of what these operators share."),
            ("residual" not in prefixes, "Pairs as soon as it returns: names that stay dead alone."),
        ]
    elif cause in {Cause.SELECTIVE_BLOCKING, Cause.THROTTLING, Cause.TAMPERING}:
        missing = [
            (
                len(vantages) < 2,
                f"A second vantage in the same network as {names} that is spared, or that meets the same.",
            ),
            (
                not any(kind.startswith(("pairs.selective", "pairs.intermittent")) for kind in kinds),
                "Pairs at a helper that are silent.",
            ),
            (True, "The same pairs failing alike for a sentinel: then the site or the instrument is to blame."),
        ]
    elif cause is Cause.INSUFFICIENT:
        missing = [
            (not prefixes & {"pairs", "transfers"}, f"Pairs at a helper, from {names}, while it fails."),
            (len(vantages) < 2, f"A second vantage in the same network as {names}."),
            (True, "A sentinel's measurements of the same target at the same time."),
        ]
    else:
        missing = [
            (cause is Cause.TARGET_DOWN, "A sentinel, in another network, that reaches the site at the same time."),
            (cause is Cause.WITHHOLDING, "The same refusal for a client of another country."),
            (
                cause is Cause.VANTAGE_LOCAL,
                f"A second vantage in the place of {names} with the same fault at the same time.",
            ),
        ]
    return tuple(text for is_missing, text in missing if is_missing)[:2]
