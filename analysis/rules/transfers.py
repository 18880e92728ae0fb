"""Timed transfers under two names: what is slow by its name, and what is slow for all.

As for name-swap pairs, the weight is measured. Both names slow is congestion,
and accuses nobody.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.pairs import chance_of_so_few
from analysis.rules.controls import are_controls_alive, is_sentinel_steady
from analysis.rules.evidence import MAX_WITNESSES, Evidence, fired
from analysis.rules.locus import is_beside
from analysis.rules.pairs import CALL_LOG10_E, LEAN_LOG10_E, NEGATIVE_LOG10_E, SENTINEL_CHANCE
from analysis.transfers import Sample, bounds, counted
from probe.model import NameKind, Peer
from probe.rates import SLOW_RATIO, rate_bytes_s

if TYPE_CHECKING:
    from analysis.facts import Facts
    from analysis.transfer_runs import TransferRun

KINDS = (NameKind.SNI.value, NameKind.HOST.value)
CRAWLING_BYTES_S = 64_000.0
"""Half a megabit a second: what the probe takes for slow too."""
ENOUGH_ALIKE = 2
USELESS_BYTES = 4_000
"""A transfer that stops before so much brought no page: that is a block, whatever came of it."""
_STOPPED = {NameKind.SNI.value: "tls.timeout.sni", NameKind.HOST.value: "http.timeout.host"}
_MECHANISMS = {NameKind.SNI.value: "tls.throttle.sni", NameKind.HOST.value: "http.throttle.host"}


def throttled(facts: Facts, kind: str) -> Evidence | None:
    """Fire where transfers at a helper say, at E >= 1,000 and a ratio >= 2, that this name is slow; all guards hold."""
    run = _called(facts, kind)
    if run is None or run.run.frozen_bytes is not None:
        return None
    return _measured(f"transfers.throttled.{kind}", run, "the sentinel's transfers are alike")


def frozen(facts: Facts, kind: str) -> Evidence | None:
    """Fire where the same is so, and it is because the target's transfers stop on their way."""
    run = _called(facts, kind)
    if run is None or run.run.frozen_bytes is None or run.run.frozen_bytes[1] < USELESS_BYTES:
        return None
    return _measured(f"transfers.frozen.{kind}", run, "the sentinel's transfers are alike")


def stopped(facts: Facts, kind: str) -> Evidence | None:
    """Fire where they stop so early that nothing of use comes through, and the page did not come either."""
    run = _called(facts, kind)
    if run is None or run.run.frozen_bytes is None or run.run.frozen_bytes[1] >= USELESS_BYTES:
        return None
    if facts.measurement.outcome.is_reached:
        return None
    found = _measured(f"transfers.stopped.{kind}", run, "the sentinel's transfers are alike")
    return replace(found, mechanism=_STOPPED[kind])


def leaning(facts: Facts, kind: str) -> Evidence | None:
    """Fire where all is as it must be, but no sentinel's transfers, or too few, exclude the helper's own side."""
    run = _run(facts, kind, Peer.HELPER)
    if run is None or not _is_far_and_sure(run) or not _is_telling(facts, run):
        return None
    if _is_sentinel_slow_too(run) or _has_calm_sentinel(run):
        return None
    return _measured(f"transfers.leaning.{kind}", run, "no sentinel's transfers exclude the helper's own side")


def own_address(facts: Facts, kind: str) -> Evidence | None:
    """Fire where the name is slow at the target's own address alone, and the sentinel got its page there swiftly.

    The server may shape by name as well, so this never says more than `suspected`.
    """
    run = _run(facts, kind, Peer.TARGET)
    if run is None or not _is_far_and_sure(run) or not _is_telling(facts, run) or not is_sentinel_steady(facts):
        return None
    page = facts.sentinel.measurement.outcome.page if facts.sentinel else None
    if page is None or rate_bytes_s(page) < SLOW_RATIO * run.own.target_rate_bytes_s:
        return None
    return _measured(
        f"transfers.own_address.{kind}", run, "this is at the target's own server, which may read names itself"
    )


def weak(facts: Facts, kind: str) -> Evidence | None:
    """Fire where the target's transfers were far slower, and no rule above makes anything of them."""
    if any(rule(facts, kind) is not None for rule in (throttled, frozen, stopped, leaning, own_address)):
        return None
    run = next((r for r in facts.transfer_runs if r.name_kind == kind and r.run.ratio >= SLOW_RATIO), None)
    if run is None:
        return None
    return _measured(f"transfers.weak.{kind}", run, "that is not enough, or a guard does not hold", is_named=False)


def both_slow(facts: Facts) -> Evidence | None:
    """Fire where transfers under either name crawled alike: the line is slow, and no rule on this name makes it so."""
    own = Sample(
        counted(
            pair
            for pair in facts.measurement.transfers
            if not pair.is_negative_control and pair.pair_id not in facts.pairs_not_counted
        )
    )
    arms = [arm for transfer in own.transfers for arm in (transfer.target, transfer.control)]
    if len(own.transfers) < ENOUGH_ALIKE or any(rate_bytes_s(arm) >= CRAWLING_BYTES_S for arm in arms):
        return None
    if any(abs(ratio) >= math.log(SLOW_RATIO) for ratio in own.log_ratios):
        return None
    return fired(
        "transfers.both_slow",
        f"Under either name {_kb(own.control_rate_bytes_s)} came a second: the line is slow, whatever the name.",
        arms,
    )


def sentinel_too(facts: Facts) -> Evidence | None:
    """Fire where the sentinel's own transfers lean: then names are read at the helper's side."""
    if not any(run.sentinel_log10_e >= LEAN_LOG10_E for run in facts.transfer_runs):
        return None
    return fired(
        "transfers.sentinel_too",
        "The sentinel's own transfers are slow by name as well: the helper's side is at fault.",
    )


def _called(facts: Facts, kind: str) -> TransferRun | None:
    """Give the run at a helper that says by all guards that this name is slow; ``None`` where one does not hold."""
    run = _run(facts, kind, Peer.HELPER)
    if run is None or not _is_far_and_sure(run) or not _is_telling(facts, run) or not _has_calm_sentinel(run):
        return None
    return None if _is_spared_beside(facts, kind) else run


def _run(facts: Facts, kind: str, peer: Peer) -> TransferRun | None:
    return next((run for run in facts.transfer_runs if (run.name_kind, run.peer) == (kind, peer)), None)


def _is_far_and_sure(run: TransferRun) -> bool:
    sample = run.run
    return sample.log10_e >= max(CALL_LOG10_E, run.bar_log10) and sample.ratio >= SLOW_RATIO and not sample.is_torn


def _is_telling(facts: Facts, run: TransferRun) -> bool:
    """Tell whether the measurement's own transfers bear the run out, and the instrument is calm.

    A policer may be gone, and congestion have come in its place, while the run still counts what it saw of the
    policer. So the bet must win again here: E of ten by itself, or two pairs and more, none without the target far
    slower, while every control lived. And by as much: what is left of a factor of forty is no factor of two.
    """
    if facts.cycle.vantage.is_sentinel:  # outside the reach of whom we measure: what it sees is the helper's side
        return False
    if max(facts.negative_log10_e, facts.negative_transfers_log10_e, run.negative_log10_e) >= NEGATIVE_LOG10_E:
        return False
    if run.own.ratio < max(SLOW_RATIO, math.sqrt(run.run.ratio)):
        return False
    is_alike_nowhere = len(run.own.transfers) >= ENOUGH_ALIKE and run.own.alike == 0
    return run.own.log10_e >= LEAN_LOG10_E or (is_alike_nowhere and are_controls_alive(facts.cycle))


def _is_sentinel_slow_too(run: TransferRun) -> bool:
    there = run.sentinel
    if there is None:
        return False
    return there.alike == 0 or there.ratio >= SLOW_RATIO or run.sentinel_log10_e >= LEAN_LOG10_E


def _has_calm_sentinel(run: TransferRun) -> bool:
    """Tell whether sentinels made the same transfers, they show nothing, and were enough to, as for names."""
    there = run.sentinel
    if there is None or _is_sentinel_slow_too(run):
        return False
    share = run.run.far_slower / (len(run.run.transfers) + 1)
    return chance_of_so_few(there.far_slower, len(there.transfers), share) <= SENTINEL_CHANCE


def _is_spared_beside(facts: Facts, kind: str) -> bool:
    """Tell whether other vantages of the same network and bearer made such transfers, and none was slow by name."""
    beside = Sample(
        counted(
            pair
            for witness in facts.elsewhere
            if is_beside(facts, witness)
            for pair in witness.measurement.transfers
            if (pair.name_kind, pair.peer) == (kind, Peer.HELPER) and not pair.is_negative_control
        )
    )
    return bool(beside.transfers) and beside.alike == len(beside.transfers)


def _measured(rule: str, run: TransferRun, doubt: str, *, is_named: bool = True) -> Evidence:
    slower = [transfer.target.observation_id for transfer in run.run.transfers if transfer.log_ratio > 0.0]
    return Evidence(
        rule=rule,
        log10_lr=round(run.run.log10_e, 6),
        text=f"{_counts(run)}; {doubt}.",
        observations=tuple(slower[:MAX_WITNESSES]),
        mechanism=_MECHANISMS[run.name_kind] if is_named else None,
    )


def _counts(run: TransferRun) -> str:
    sample = run.run
    low, high = bounds(sample.log_ratios)
    to = f"{high:.1f}" if math.isfinite(high) else "any"
    rates = f"{_kb(sample.control_rate_bytes_s)} against {_kb(sample.target_rate_bytes_s)} a second"
    slower = f"the target's was the slower one {sample.target_slower} times"
    said = [
        f"In {sample.pairs} pairs of transfers over {run.cycles} cycle(s) {slower}",
        f"the other name came {sample.ratio:.1f} times as fast (95 %: {low:.1f} to {to}), at {rates}",
    ]
    if sample.frozen_bytes is not None:
        least, most = sample.frozen_bytes
        said.append(f"the target's stopped after {_kb(least)}" + (f" to {_kb(most)}" if most != least else ""))
    elif sample.plateau_bytes_s is not None:
        said.append(f"the target's kept to {sample.plateau_bytes_s * 8 / 1000:.0f} kbit/s")
    if sample.first_bytes_s is not None:
        target_s, control_s = sample.first_bytes_s
        said.append(f"the first byte came after {target_s:.2f} s against {control_s:.2f} s")
    return "; ".join(said)


def _kb(count: float) -> str:
    return f"{count / 1000:.1f} kB"
