"""Name-swap pairs: the one kind of evidence that accuses by counting. Its weight is measured, not set.

Every rule here exists once for each kind of name; :func:`for_kind` binds it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from analysis.outcome import Reach
from analysis.pairs import Standing, chance_of_so_few, has_failed
from analysis.rules.address import APART
from analysis.rules.controls import are_controls_alive, are_controls_beside_alive, is_sentinel_steady
from analysis.rules.dns import is_name_misanswered, misled
from analysis.rules.evidence import MAX_WITNESSES, Evidence, fired
from analysis.rules.locus import are_pairs_spared_beside
from analysis.rules.reach import is_different_page
from probe.failures import Failure
from probe.model import NameKind, Operation, Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.facts import Facts, MeasurementFacts, Step
    from analysis.runs import PairRun

CALL_LOG10_E = 3.0
"""`blocked` from E = 1,000 on."""
LEAN_LOG10_E = 1.0
"""`suspected` from E = 10 on, on a path that shows no other loss. A sentinel whose own E is so high voids the claim."""
NEGATIVE_LOG10_E = 2.0
"""Negative controls beyond it say that the instrument is at fault: its pairs accuse nobody."""
SENTINEL_CHANCE = 0.2
"""If names were read at the helper's side, a sentinel would fail as often as we do; so calm by chance no oftener."""
ENOUGH_SILENT_PAIRS = 5
"""So many pairs in one measurement without the target's arm failing contradict an older run."""

_WORDS = {
    Failure.CONNECTION_RESET: "reset",
    Failure.CONNECTION_ABORTED: "reset",
    Failure.TIMEOUT: "timeout",
    Failure.EOF: "eof",
    Failure.TLS_HANDSHAKE: "alert",
}
_FORGERIES = {
    Failure.NOT_GENUINE.value: "dns.injection",
    Failure.DNS_BOGON.value: "dns.injection.bogon",
    Failure.DNS_NXDOMAIN.value: "dns.nxdomain",
    Failure.TIMEOUT.value: "dns.timeout",
}
_LAYERS: dict[str, Operation] = {
    NameKind.SNI.value: Operation.TLS,
    NameKind.QUIC.value: Operation.QUIC,
    NameKind.QNAME.value: Operation.DNS,
}
_SEEN_IN_THE_PAGES_OWN_STEPS = frozenset({NameKind.SNI.value, NameKind.HOST.value, NameKind.PATH.value})
"""Kinds of names that the way to the page itself carries."""
_FAILED_BEFORE_NAME_IS_ANSWERED = frozenset({Reach.TCP_FAILED, Reach.DNS_FAILED})


def for_kind(rule: Callable[[Facts, str], Evidence | None], kind: str) -> Callable[[Facts], Evidence | None]:
    """Bind a rule of this module to one kind of name."""
    return lambda facts: rule(facts, kind)


def selective(facts: Facts, kind: str) -> Evidence | None:
    """Fire where pairs at a helper say, at E >= 1,000 and past the bar of e-BH, that this name is read, and it failed.

    All guards hold: the sentinel made the same pairs and saw nothing, the negative controls are calm, and this
    measurement's own pairs do not contradict. A rule on QUIC alone leaves the page over TCP whole, so that no failed
    measurement tells of it; there the vantages beside this one are asked here.
    """
    run = _run(facts, kind, Peer.HELPER)
    if run is None or not _is_callable(facts, run) or not has_calm_sentinel(run):
        return None
    if run.log10_e < max(CALL_LOG10_E, run.bar_log10):
        return None
    if kind == NameKind.QUIC and are_pairs_spared_beside(facts, kind):
        return None
    spared = "; the page itself came over TCP" if kind == NameKind.QUIC and facts.measurement.outcome.is_reached else ""
    return measured(f"pairs.selective.{kind}", run, f"{counts(run)}; the sentinel's pairs are calm{spared}.")


def intermittent(facts: Facts, kind: str) -> Evidence | None:
    """Fire where pairs say, as for :func:`selective`, that the name is read, and the page's own tries died of it.

    A rule may meet a share of the flows. The page then comes by another try, and yet it is not `ok`: what failed on the
    way to it failed as the pairs' arms do, at the target's own name. Where nothing failed on the way, the page was
    spared, whatever helpers' addresses meet.
    """
    run = _run(facts, kind, Peer.HELPER)
    if run is None or kind not in _SEEN_IN_THE_PAGES_OWN_STEPS or not facts.measurement.outcome.is_reached:
        return None
    if run.log10_e < max(CALL_LOG10_E, run.bar_log10) or not is_telling(facts, run) or not has_calm_sentinel(run):
        return None
    lost = _tries_lost(facts, run)
    if not lost or selective(facts, kind) is not None:
        return None
    text = f"{counts(run)}; the page came in the end, after {len(lost)} of its own tries had failed alike."
    return measured(f"pairs.intermittent.{kind}", run, text)


def leaning(facts: Facts, kind: str) -> Evidence | None:
    """Fire where pairs at a helper lean towards a rule on the name, and the path shows no loss that could feign it.

    With E >= 1,000 and no sentinel to exclude the helper's own side, it is this rule that fires, whatever the loss.
    """
    run = _run(facts, kind, Peer.HELPER)
    if run is None or run.log10_e < LEAN_LOG10_E or not _is_callable(facts, run):
        return None
    if selective(facts, kind) is not None or run.sentinel_log10_e >= LEAN_LOG10_E:
        return None
    is_strong = run.log10_e >= max(CALL_LOG10_E, run.bar_log10)
    if not is_strong and not is_path_clean(facts, run):
        return None
    doubt = "no sentinel's pairs exclude the helper's own side" if is_strong else "that is too few to call"
    return measured(f"pairs.leaning.{kind}", run, f"{counts(run)}; {doubt}.")


def own_address(facts: Facts, kind: str) -> Evidence | None:
    """Fire where, without a helper, pairs at the target's own address fail by name here and not at the sentinel.

    The server may read names as well, so this never says more than `suspected`.
    """
    run = _run(facts, kind, Peer.TARGET)
    if run is None or _run(facts, kind, Peer.HELPER) is not None or not _is_callable(facts, run):
        return None
    if run.log10_e < max(CALL_LOG10_E, run.bar_log10) or not has_calm_sentinel(run):
        return None
    if run.sentinel is None or run.sentinel.target_failed or run.sentinel.both_failed or not is_sentinel_steady(facts):
        return None
    return measured(
        f"pairs.own_address.{kind}", run, f"{counts(run)}, at the target's own server, which may read names itself."
    )


def weak(facts: Facts, kind: str) -> Evidence | None:
    """Fire where pairs were discordant, and no rule above makes anything of them."""
    for run in facts.pair_runs:
        if run.name_kind != kind or run.run.discordant == 0:
            continue
        if any(rule(facts, kind) is not None for rule in (selective, intermittent, leaning, own_address)):
            return None
        text = f"{counts(run)}: not enough, or a guard does not hold."
        return replace(measured(f"pairs.weak.{kind}", run, text), mechanism=None)
    return None


def silent(facts: Facts, kind: str) -> Evidence | None:
    """Fire where pairs at a helper were made for a failing target, and both names lived alike."""
    run = _run(facts, kind, Peer.HELPER)
    if run is None or facts.measurement.outcome.is_reached or not _is_contradicted(run) or run.own.discordant:
        return None
    return fired(
        f"pairs.silent.{kind}", f"In {run.own.pairs} pairs at a helper the name fared like its scramble: no rule on it."
    )


def sentinel_too(facts: Facts) -> Evidence | None:
    """Fire where the sentinel's own pairs lean: then names are read at the helper's side."""
    if not any(run.sentinel_log10_e >= LEAN_LOG10_E for run in facts.pair_runs):
        return None
    return fired("pairs.sentinel_too", "The sentinel's own pairs fail by name as well: the helper's side is at fault.")


def negative_controls(facts: Facts) -> Evidence | None:
    """Fire where pairs of two innocuous names lean, over all or during this run: then the instrument is at fault."""
    if max([facts.negative_log10_e, *(run.negative_log10_e for run in facts.pair_runs)]) < NEGATIVE_LOG10_E:
        return None
    return fired(
        "pairs.negative_controls", "Pairs of two innocuous names fail one-sidedly here: the instrument is at fault."
    )


def mismatch(facts: Facts) -> Evidence | None:
    """Fire where a pair is not what the committed seed gives: its order or its name was not drawn by it."""
    return _not_counted(
        facts, Standing.MISMATCH, "pairs.mismatch", "pair(s) do not follow from the committed seed and are not counted."
    )


def unrevealed(facts: Facts) -> Evidence | None:
    """Fire where the cycle's seed was never revealed, so that its pairs cannot be checked."""
    return _not_counted(
        facts, Standing.UNREVEALED, "pairs.unrevealed", "pair(s) are not counted: the cycle's seed was not revealed."
    )


def _not_counted(facts: Facts, standing: Standing, rule: str, sentence: str) -> Evidence | None:
    made = (*facts.measurement.pairs, *facts.measurement.transfers)
    named = [pair for pair in made if facts.pairs_not_counted.get(pair.pair_id) is standing]
    if not named:
        return None
    arms = [arm for pair in named for arm in (pair.target_arm, pair.control_arm) if arm is not None]
    return fired(rule, f"{len(named)} {sentence}", arms)


def _run(facts: Facts, kind: str, peer: Peer) -> PairRun | None:
    return next((run for run in facts.pair_runs if (run.name_kind, run.peer) == (kind, peer)), None)


def measured(rule: str, run: PairRun, text: str) -> Evidence:
    """Make the evidence of a rule on pairs, whose weight is the run's own."""
    return Evidence(
        rule=rule,
        log10_lr=round(run.log10_e, 6),
        text=text,
        observations=run.witnesses[:MAX_WITNESSES],
        mechanism=mechanism(run),
    )


def counts(run: PairRun) -> str:
    """Say what the pairs of a run came to."""
    tally = run.run
    return (
        f"In {tally.pairs} pairs over {run.cycles} cycle(s) just one name failed {tally.discordant} times, "
        f"{tally.target_failed} times the target's"
    )


def mechanism(run: PairRun) -> str:
    """Give the deepest node that the failing arms support."""
    layer = _LAYERS.get(run.name_kind, Operation.HTTP)
    failure = next((failure for operation, failure in run.failing if operation == layer), None)
    if failure is None:
        return layer.value
    if layer == Operation.DNS:
        return _FORGERIES.get(failure, "dns")
    if failure == Failure.NOT_GENUINE and layer != Operation.QUIC:
        return "tls.mitm" if layer == Operation.TLS else "http.blockpage"
    word = _WORDS.get(Failure(failure)) if failure in set(Failure) else None
    where = NameKind.SNI if layer == Operation.QUIC else run.name_kind
    return f"{layer.value}.{word}.{where}" if word else layer.value


def _is_callable(facts: Facts, run: PairRun) -> bool:
    """Tell whether pairs of this run may say anything on this measurement."""
    return _has_failed_where_name_stands(facts, run.name_kind) and is_telling(facts, run)


def is_telling(facts: Facts, run: PairRun) -> bool:
    """Tell whether the measurement's own pairs bear the run out, and the instrument is calm."""
    is_instrument_calm = max(facts.negative_log10_e, run.negative_log10_e) < NEGATIVE_LOG10_E
    return is_instrument_calm and not _is_contradicted(run) and _is_upheld(facts, run)


def _has_failed_where_name_stands(facts: Facts, kind: str) -> bool:
    """Tell whether the measurement failed at the target's own name, no earlier than where it is sent.

    A measurement is made over TCP, and says nothing on QUIC either way: there the pairs stand alone.
    """
    if kind == NameKind.QUIC:
        return True
    if kind == NameKind.QNAME:
        return is_name_misanswered(facts) and (not facts.measurement.outcome.is_reached or _is_met_otherwise(facts))
    outcome = facts.measurement.outcome
    if kind != NameKind.SNI and is_different_page(facts):
        return True
    if any(step.redirect for step in outcome.steps):
        return False
    layers = {Reach.TLS_FAILED, Reach.CERTIFICATE} if kind == NameKind.SNI else {Reach.HTTP_FAILED}
    return outcome.reach in layers | _FAILED_BEFORE_NAME_IS_ANSWERED


def _tries_lost(facts: Facts, run: PairRun) -> list[Step]:
    """Give the measurement's own steps that failed as the arms of its pairs do, where the target's name is sent."""
    layer = _LAYERS.get(run.name_kind, Operation.HTTP)
    alike = {failure for operation, failure in run.failing if operation == layer}
    return [
        step
        for step in facts.measurement.steps
        if step.operation == layer and not step.redirect and step.failure in alike and _is_ipv4_connection(step)
    ]


def _is_met_otherwise(facts: Facts) -> bool:
    """Tell whether the page that came is not the target's, or came by another answer than the system's."""
    return is_different_page(facts) or misled(facts) is not None


def _is_contradicted(run: PairRun) -> bool:
    return run.own.target_alive >= ENOUGH_SILENT_PAIRS and run.own.target_failed == 0


def _is_upheld(facts: Facts, run: PairRun) -> bool:
    """Tell whether this measurement's own pairs still say what the run says.

    A rule may be gone, and damage have come in its place, while the run still counts what it saw of the rule. So the
    bet must win again here: E of ten by itself, or nothing but the target's name failing in a cycle without loss.
    """
    own = run.own
    if own.log10_e >= LEAN_LOG10_E:
        return True
    is_one_sided = own.target_failed > 0 and not own.control_failed and not own.both_failed
    return is_one_sided and _is_cycle_clean(facts, run.name_kind)


def has_calm_sentinel(run: PairRun) -> bool:
    """Tell whether sentinels made the same pairs, they show nothing, and were enough to show what is seen here.

    One live pair excludes a filter at the helper's side that strikes always. One that strikes every second time needs
    three of them: one would live every second time.
    """
    there = run.sentinel
    if there is None or there.target_alive == 0 or run.sentinel_log10_e >= LEAN_LOG10_E:
        return False
    share = run.run.target_failed / (run.run.control_alive + 1)
    return chance_of_so_few(there.target_failed, there.control_alive, share) <= SENTINEL_CHANCE


def is_path_clean(facts: Facts, run: PairRun) -> bool:
    """Tell whether nothing but the target's name failed: no control's arm, no pair of innocuous names, no control."""
    return not run.run.control_failed and not run.run.both_failed and _is_cycle_clean(facts, run.name_kind)


def _is_cycle_clean(facts: Facts, kind: str) -> bool:
    """Tell whether no control failed in this cycle, not even once."""
    if not are_controls_alive(facts.cycle) or not are_controls_beside_alive(facts.measurement):
        return False
    return all(_is_unblemished(control, kind) for control in facts.cycle.controls())


def _is_unblemished(control: MeasurementFacts, kind: str) -> bool:
    """Tell whether nothing of a control failed that a bet of this kind of name could lose by."""
    arms = [
        (pair, arm)
        for pair in control.pairs
        if pair.name_kind == kind or pair.name_kind not in APART
        for arm in (pair.target_arm, pair.control_arm)
        if arm is not None
    ]
    if any(has_failed(pair, arm) for pair, arm in arms):
        return False
    return all(step.failure is None for step in control.steps if _is_ipv4_connection(step))


def _is_ipv4_connection(step: Step) -> bool:
    """Tell whether a step used a connection over IPv4: IPv6 may be broken on its own and is left out."""
    return step.operation in {Operation.TCP, Operation.TLS, Operation.HTTP} and ":" not in (step.address or "")
