"""What a rule on a name in TLS reads, and where it acts: shown beside the evidence, and never an accusation by itself.

The four cells of the matrix are the arms of pairs, with the trials of the
technique ``shape`` beside them: the target's name and a scramble of it, at a
helper and at the target's own address. A cell says something from three trials
on: it fails where all of them failed, and lives where at most a third did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.pairs import Standing
from analysis.rules.evidence import Evidence, fired
from probe.model import NameKind, Operation, Peer
from probe.pairs import has_arm_failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.facts import Facts, Step

ENOUGH_TRIALS = 3
MOST_LOST_OF_LIVING = 1 / 3
"""Of a cell that lives: the way loses some."""


@dataclass(frozen=True, slots=True)
class Cell:
    """All trials of one ClientHello at one place."""

    trials: tuple[tuple[Step, bool], ...]
    """The last step of each, and whether it failed."""

    @property
    def fails(self) -> bool:
        """Whether every trial failed, and there are enough of them."""
        return len(self.trials) >= ENOUGH_TRIALS and all(failed for _, failed in self.trials)

    @property
    def lives(self) -> bool:
        """Whether most trials came through, and there are enough of them."""
        lost = sum(failed for _, failed in self.trials)
        return len(self.trials) >= ENOUGH_TRIALS and lost <= MOST_LOST_OF_LIVING * len(self.trials)


def cell(facts: Facts, peer: Peer, variant: str) -> Cell:
    """Gather the trials of one ClientHello at one kind of place, the arms of pairs included."""
    steps = [
        step
        for step in facts.measurement.of_look("shape")
        if step.variant == f"{peer.value}/{variant}" and (step.operation == Operation.TLS or step.failure is not None)
    ]
    for pair in facts.measurement.pairs:
        if (pair.name_kind, pair.peer) != (NameKind.SNI, peer) or pair.is_negative_control:
            continue
        if facts.pairs_not_counted.get(pair.pair_id, Standing.COUNTED) is not Standing.COUNTED:
            continue
        arm = {"target": pair.target_arm, "scramble": pair.control_arm}.get(variant)
        steps += [arm] if arm is not None else []
    return Cell(tuple((step, _has_failed(step, peer, variant)) for step in steps))


def _has_failed(step: Step, peer: Peer, variant: str) -> bool:
    """Tell whether a trial failed; of a handshake that we cannot finish, that any answer came is all there is."""
    judged_as = Peer.TARGET if variant == "ech" else peer
    return has_arm_failed(peer=judged_as, failure=step.failure, is_peer_hello_received=step.is_peer_hello_received)


# ---------------------------------------------------------------- where it acts

_READINGS = {
    # target's address with its name, with a scramble; helper with the name, with a scramble: whether each fails
    "matrix.name": ((True, False, True, False), "the name fails at the target and at a helper, its scramble nowhere"),
    "matrix.destination": (
        (True, False, False, False),
        "the name fails at the target's own address alone: a rule on name and destination, or the server chose",
    ),
    "matrix.address": (
        (True, True, False, False),
        "the target's address fails whatever the name: the address, the route, or the server",
    ),
    "matrix.residual": (
        (True, True, True, False),
        "the name fails everywhere, and the target's address whatever the name: two rules, or a penalty that lasts",
    ),
    "matrix.path": ((True, True, True, True), "everything fails, whatever its name and place: the way itself"),
}
MATRIX = tuple(_READINGS)


def matrix(rule: str) -> Callable[[Facts], Evidence | None]:
    """Give the rule of one row of the matrix (docs/method.md)."""
    expected, text = _READINGS[rule]

    def find(facts: Facts) -> Evidence | None:
        places = [(peer, name) for peer in (Peer.TARGET, Peer.HELPER) for name in ("target", "scramble")]
        cells: list[Cell] = []
        for (peer, name), fails in zip(places, expected, strict=True):
            cells.append(cell(facts, peer, name))
            if not (cells[-1].fails if fails else cells[-1].lives):
                return None
        counts = ", ".join(f"{sum(failed for _, failed in c.trials)}/{len(c.trials)}" for c in cells)
        return fired(rule, f"In TLS {text} (failed: {counts}).", [step for c in cells for step, _ in c.trials])

    return find


# ---------------------------------------------------------------- what it reads


def shape(rule: str) -> Callable[[Facts], Evidence | None]:
    """Give the rule on one property; each asks that the name itself fails and its scramble lives at the same place."""
    failing, living, text = _SHAPES[rule]

    def find(facts: Facts) -> Evidence | None:
        for peer in (Peer.HELPER, Peer.TARGET):
            if not cell(facts, peer, "target").fails:
                continue
            fails = [cell(facts, peer, name) for name in ("target", *failing)]
            lives = [cell(facts, peer, name) for name in ("scramble", *living)]
            if all(c.fails for c in fails) and all(c.lives for c in lives):
                return fired(rule, f"The rule on the name {text}.", [s for c in (*fails, *lives) for s, _ in c.trials])
        return None

    return find


_SHAPES: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "shape.exact_name": ((), ("under", "glued", "appended"), "meets this name alone, and none that contain it"),
    "shape.suffix": (("under",), ("glued", "appended"), "meets the name and all under it"),
    "shape.ending": (("under", "glued"), ("appended",), "meets every name that ends in it, with or without a dot"),
    "shape.anywhere": (("under", "glued", "appended"), (), "meets every name that has it anywhere"),
    "shape.parent": (("parent",), (), "meets the domain above the name too"),
    "shape.case_evades": ((), ("case",), "misses the name in other letters' case"),
    "shape.split_evades": ((), ("split",), "misses a name that is cut in two TCP segments"),
    "shape.records_evade": ((), ("records",), "misses a name that is cut in two TLS records"),
    "shape.no_name_fails": (("no-sni",), (), "stops handshakes without any name too"),
}
SHAPES = tuple(_SHAPES)


def ech_fails(facts: Facts) -> Evidence | None:
    """Fire where a ClientHello with the extension for an encrypted one fails, for a name that lives without it."""
    with_it, without = cell(facts, Peer.HELPER, "ech"), cell(facts, Peer.HELPER, "scramble")
    if not with_it.fails or not without.lives:
        return None
    return fired(
        "shape.ech_fails",
        "A ClientHello that offers encryption of its name fails, whatever the name.",
        [step for c in (with_it, without) for step, _ in c.trials],
    )


def long_names_fail(facts: Facts) -> Evidence | None:
    """Fire where a long innocuous name fails and a short one lives: the way reads sizes, as damage can."""
    long, short = cell(facts, Peer.HELPER, "long"), cell(facts, Peer.HELPER, "short")
    if not long.fails or not short.lives:
        return None
    return fired(
        "path.long_names",
        "An innocuous name fails where it is long and lives where it is short: the way loses long packets.",
        [step for c in (long, short) for step, _ in c.trials],
    )
