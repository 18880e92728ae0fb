"""When the changes were that bets which won bear out: the detectors' input and output, for one vantage and target.

A detector calls falsely once in so many pairs, again and again. So only a run of
pairs that passed the bar is dated by it, and nothing is accused by a date.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from analysis.detectors import CALL_LOG10, Look, changes
from analysis.pairs import has_failed, tally
from probe.model import Peer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from analysis.detectors import Change
    from analysis.facts import PairFacts
    from analysis.runs import Entry

LONGEST_CYCLE_S = 6 * 3600.0
"""No pair is taken to have been made later in its cycle: a clock that says so is broken."""


def changes_of(entries: Sequence[Entry], runs: Sequence[Sequence[Entry]], bar: float) -> dict[str, tuple[Change, ...]]:
    """Give the onsets and ends at a helper, by kind of name, that runs which passed the bar bear out.

    ``entries`` are all measurements of one target at one vantage, in order of time; ``runs`` are cut from them.
    """
    found: dict[str, tuple[Change, ...]] = {}
    for kind in sorted({pair.name_kind for run in runs for entry in run for pair in entry.pairs}):
        spans = [(made[0][0], made[-1][0]) for run in runs if _has_won(made := _at_helper(run, kind), bar)]
        if spans:
            looks = [
                Look(at, has_failed(pair, pair.target_arm), has_failed(pair, pair.control_arm))
                for at, pair in _at_helper(entries, kind)
                if pair.target_arm is not None and pair.control_arm is not None
            ]
            found[kind] = tuple(_borne_out(changes(looks), spans))
    return found


def _has_won(made: Sequence[tuple[datetime, PairFacts]], bar: float) -> bool:
    return bool(made) and tally(pair for _, pair in made).log10_e >= max(CALL_LOG10, bar)


def _borne_out(found: Sequence[Change], spans: Sequence[tuple[datetime, datetime]]) -> Iterable[Change]:
    """Give those onsets, each with its end, between which a run of the spans lay."""
    for place in range(0, len(found), 2):
        onset, *end = found[place : place + 2]
        until = end[0].before if end else None
        if any(onset.before <= last and (until is None or first <= until) for first, last in spans):
            yield onset
            yield from end


def _at_helper(entries: Iterable[Entry], kind: str) -> list[tuple[datetime, PairFacts]]:
    """Give the pairs of one kind of name, in the order in which they were done, each with its time."""
    found: list[tuple[datetime, PairFacts]] = []
    for entry in entries:
        wanted = [pair for pair in entry.pairs if (pair.name_kind, pair.peer) == (kind, Peer.HELPER)]
        if wanted:
            steps = entry.measurement.steps
            begun = min([step.started_mono_s for step in steps] + [_done_mono_s(pair) for pair in wanted])
            for pair in sorted(wanted, key=lambda p: (_done_mono_s(p), p.number)):
                since_s = min(_done_mono_s(pair) - begun, LONGEST_CYCLE_S)
                found.append((entry.measurement.started_at + timedelta(seconds=since_s), pair))
    return found


def _done_mono_s(pair: PairFacts) -> float:
    """Give the monotonic time at which the second arm began: the pair's outcome is open until then."""
    return max(arm.started_mono_s for arm in (pair.target_arm, pair.control_arm) if arm is not None)
