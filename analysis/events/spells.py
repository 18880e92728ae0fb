"""Cuts the states of one vantage and target into spells: successive measurements of one cause.

A spell ends where measurements show that its cause does not hold any more, more
than two of them and for long enough: rules on half of the flows spare whole
cycles, lines flap, and what comes back within hours is a relapse, not news.
What is merely unknown belongs to the known cause beside it, unless that cause
is ruled out.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from analysis.causes.cause import CAUSE_OF, Cause
from analysis.runs import RUN_GAP
from analysis.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from analysis.facts import Facts, VantageFacts
    from analysis.rules.evidence import Evidence
    from analysis.states import Decision

    Judgement = tuple[Facts, tuple[Evidence, ...], Decision]

BRIDGED_OK = 2
"""So many good measurements in a row do not end a spell that goes on after them."""

RELAPSE = RUN_GAP
"""What is bad again sooner has relapsed: it is the same spell, as its pairs are of the same run."""

DAILY = timedelta(hours=24)
"""Darkness that is back within a day is the same: curfews come daily, lines fail again, and each is one thing."""


_PATH_WORKED = frozenset({State.OK, State.BLOCKED, State.THROTTLED, State.TAMPERED, State.WITHHELD, State.DOWN})
_OVER_WITH = {Cause.DARK_UNDETERMINED: _PATH_WORKED, Cause.VANTAGE_LOCAL: _PATH_WORKED | {State.DARK}}
"""States that show that a cause does not hold; for the causes not named here, only `ok` does."""

_RULED_OUT_BY = {
    Cause.TARGET_DOWN: "sentinel.reached",
    Cause.DARK_UNDETERMINED: "controls.alive",
    Cause.VANTAGE_LOCAL: "controls.alive",
}
"""Evidence that a cause does not hold, whatever the measurement's own state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Successive measurements of one cause at one vantage and target."""

    cause: Cause
    vantage: VantageFacts
    target: str
    service: str
    onset_after: datetime | None
    """The last measurement before that shows that the cause did not hold yet."""
    onset_before: datetime
    end_after: datetime
    end_before: datetime | None
    """The first measurement afterwards that shows that it did not hold any more."""
    judgements: tuple[Judgement, ...]
    relapses: tuple[datetime, ...] = ()
    """When it was back after good measurements."""


def spells_of(series: Iterable[Judgement]) -> list[Spell]:
    """Cut one series into spells, by cause and in order of time."""
    ordered = sorted(series, key=lambda j: (j[0].measurement.started_at, j[0].measurement.measurement_id))
    causes = [None if j[2].state is State.OK else CAUSE_OF[j[2].state] for j in ordered]
    named = [i for i, cause in enumerate(causes) if cause not in {None, Cause.INSUFFICIENT}]
    spells: list[Spell] = []
    for cause in sorted({cause for cause in causes if cause is not None}):
        bad = [i for i, other in enumerate(causes) if other is cause]
        if cause is Cause.INSUFFICIENT:
            bad = [i for i in bad if not _belongs_to_another(i, named, ordered)]
        spells += [_spell(cause, stretch, ordered) for stretch in _stretches(cause, bad, ordered)]
    return spells


def is_ruled_out(cause: Cause, judgement: Judgement) -> bool:
    """Tell whether a measurement shows that a cause did not hold then."""
    _, evidence, decision = judgement
    if decision.state in _OVER_WITH.get(cause, frozenset({State.OK})):
        return True
    rule = _RULED_OUT_BY.get(cause)
    is_its_own = CAUSE_OF.get(decision.state) is cause
    return rule is not None and not is_its_own and any(item.rule == rule for item in evidence)


def _at(judgement: Judgement) -> datetime:
    return judgement[0].measurement.started_at


def _belongs_to_another(unknown: int, named: Sequence[int], ordered: Sequence[Judgement]) -> bool:
    """Tell whether the known cause before or after may well have held in a measurement that shows nothing."""
    before = next((i for i in reversed(named) if i < unknown), None)
    after = next((i for i in named if i > unknown), None)
    for beside in (before, after):
        if beside is None:
            continue
        cause = CAUSE_OF[ordered[beside][2].state]
        low, high = sorted((beside, unknown))
        between = [j for j in ordered[low + 1 : high] if is_ruled_out(cause, j)]
        if len(between) <= BRIDGED_OK and not is_ruled_out(cause, ordered[unknown]):
            return True
    return False


def _stretches(cause: Cause, bad: Sequence[int], ordered: Sequence[Judgement]) -> list[list[int]]:
    """Put the measurements of one cause together that no long good time parts."""
    relapse = DAILY if cause is Cause.DARK_UNDETERMINED else RELAPSE
    stretches: list[list[int]] = []
    for i in bad:
        if stretches:
            last = stretches[-1][-1]
            good = sum(is_ruled_out(cause, j) for j in ordered[last + 1 : i])
            if good <= BRIDGED_OK or _at(ordered[i]) - _at(ordered[last]) < relapse:
                stretches[-1].append(i)
                continue
        stretches.append([i])
    return stretches


def _spell(cause: Cause, bad: Sequence[int], ordered: Sequence[Judgement]) -> Spell:
    first, last = bad[0], bad[-1]
    facts = ordered[first][0]
    good = [i for i, j in enumerate(ordered) if (i < first or i > last) and is_ruled_out(cause, j)]
    before = [i for i in good if i < first]
    after = [i for i in good if i > last]
    relapses = [
        _at(ordered[i])
        for previous, i in itertools.pairwise(bad)
        if any(is_ruled_out(cause, j) for j in ordered[previous + 1 : i])
    ]
    return Spell(
        cause=cause,
        vantage=facts.cycle.vantage,
        target=facts.measurement.target,
        service=facts.measurement.service,
        onset_after=_at(ordered[before[-1]]) if before else None,
        onset_before=_at(ordered[first]),
        end_after=_at(ordered[last]),
        end_before=_at(ordered[after[0]]) if after else None,
        judgements=tuple(ordered[i] for i in bad),
        relapses=tuple(relapses),
    )
