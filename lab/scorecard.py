"""What many scored runs come to together. Pure: scores in, figures out; :mod:`lab.scorecard_sheets` shows them.

A *run* is one scenario under one seed. Its measurements hang together (they meet
the same box, the same damage), so a share is bounded twice: per measurement, as
if each were drawn by itself, and per run, which is the honest one of the two.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from analysis.evaluate.event_match import EventGrade
from analysis.evaluate.grading import Grade, ancestry
from analysis.evaluate.intervals import Share, share
from analysis.evaluate.truth import ACCUSING, CAUSES, STATES
from lab.scenario import FAMILIES
from lab.score import UNMEASURED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lab.score import Graded, Score

NOTHING: Final = "(none)"
"""Stands for the cause of an event that did not happen, or that nobody told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A scenario that could not be scored."""

    scenario: str
    family: str
    seed: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Values that some cases have and others never reach; a quantile that falls among those is ``None``."""

    reached: int
    never: int
    median: float | None
    ninth_decile: float | None
    """90 % are at or below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanisms:
    """How well mechanisms are named, along their paths; ``None`` where there was nothing to divide by."""

    measurements: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a set of runs comes to."""

    runs: int
    grades: dict[str, int]
    """Measurements of targets, by grade; false accusations of controls too."""
    states: dict[str, dict[str, int]]
    """True state, then the state of the analysis: measurements of targets."""
    false_accusations: Share
    """Of all measurements on which nobody acted, controls included."""
    accusing_runs: Share
    """Runs with a false accusation, of all that measured anything on which nobody acted."""
    mechanisms: Mechanisms
    events: dict[str, int]
    """Events that happened, by grade."""
    causes: dict[str, dict[str, int]]
    """True cause, then the cause under which it is told; false accusing events stand under ``(none)``."""
    false_events: int
    """Events that accuse and did not happen."""
    alerts_per_event: float | None
    onset_delay_s: Spread
    """Of all events that happened; never: those that are not told under their own cause."""
    pairs: Spread
    """Until E was a thousand, where what acts reads a name inside the connection."""
    decision_s: Spread
    """By the vantage's clock, from the first slot in which somebody acts to the end of the first cycle that tells."""
    decision_bytes: Spread
    wall_s: float
    """Real seconds that the runs took, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The whole."""

    total: Card
    families: dict[str, Card]
    scores: tuple[Score, ...]
    failures: tuple[Failure, ...]

    @property
    def is_clean(self) -> bool:
        """Whether every scenario was scored and nobody was falsely accused, neither by a state nor by an event."""
        return not (self.failures or self.total.false_accusations.count or self.total.false_events)

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON: the figures, and the grades of every run; not its single measurements."""
        return {
            "total": asdict(self.total),
            "families": {family: asdict(card) for family, card in self.families.items()},
            "runs": [
                {
                    "scenario": one.scenario,
                    "seed": one.seed,
                    "family": one.family,
                    "grades": {grade.value: one.count(grade) for grade in Grade},
                    "unmeasured": one.unmeasured,
                    "events": [asdict(event) for event in one.events],
                    "false_events": [asdict(event) for event in one.false_events],
                    "decisions": [asdict(decision) for decision in one.decisions],
                    "not_right": [asdict(g) for g in one.graded if g.grade is not Grade.RIGHT],
                    "wall_seconds": round(one.wall_seconds, 1),
                }
                for one in self.scores
            ],
            "failures": [asdict(failure) for failure in self.failures],
        }


def scorecard(scores: Iterable[Score], failures: Iterable[Failure] = ()) -> Scorecard:
    """Put scores together: in total, and by family."""
    order = {family: position for position, family in enumerate(FAMILIES)}
    ordered = sorted(scores, key=lambda one: (order[one.family], one.scenario, one.seed))
    return Scorecard(
        total=card(ordered),
        families={
            family: card([one for one in ordered if one.family == family])
            for family in dict.fromkeys(one.family for one in ordered)
        },
        scores=tuple(ordered),
        failures=tuple(sorted(failures, key=lambda failure: (failure.scenario, failure.seed))),
    )


def card(scores: Sequence[Score]) -> Card:
    """Give what a set of runs comes to."""
    graded = [g for one in scores for g in one.graded]
    targets = [g for g in graded if not g.is_control]
    events = [event for one in scores for event in one.events]
    decisions = [decision for one in scores for decision in one.decisions]
    innocents = [_innocents(one) for one in scores]
    accused = [one.count(Grade.FALSE_ACCUSATION) for one in scores]
    told = [(event.cause, event.named or NOTHING) for event in events]
    told += [(NOTHING, false.cause) for one in scores for false in one.false_events]
    return Card(
        runs=len(scores),
        grades={grade.value: sum(g.grade is grade for g in graded) for grade in Grade},
        states=_matrix([(g.truth, g.state) for g in targets], STATES, (*STATES, UNMEASURED)),
        false_accusations=share(sum(accused), sum(innocents)),
        accusing_runs=share(sum(bool(n) for n in accused), sum(bool(n) for n in innocents)),
        mechanisms=mechanisms(targets),
        events={grade.value: sum(event.grade is grade for event in events) for grade in EventGrade},
        causes=_matrix(told, (*CAUSES, NOTHING), (*CAUSES, NOTHING)),
        false_events=sum(len(one.false_events) for one in scores),
        alerts_per_event=sum(event.alerts for event in events) / len(events) if events else None,
        onset_delay_s=spread([e.onset_delay_s if e.grade is EventGrade.FOUND else None for e in events]),
        pairs=spread([decision.pairs for decision in decisions if decision.can_pairs_show_it]),
        decision_s=spread([decision.seconds for decision in decisions]),
        decision_bytes=spread([decision.bytes for decision in decisions]),
        wall_s=sum(one.wall_seconds for one in scores),
    )


def _innocents(one: Score) -> int:
    """Count the measurements of one run that would be false accusations if they accused."""
    measured = [g for g in one.graded if not g.is_control and g.state != UNMEASURED]
    return sum(g.truth not in ACCUSING for g in measured) + one.innocent_controls


def _matrix(
    entries: Sequence[tuple[str, str]], rows: Sequence[str], columns: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Count pairs into rows and columns, in the order given; empty ones are left out."""
    counts = Counter(entries)
    used_rows = [row for row in rows if any(true == row for true, _ in counts)]
    used_columns = [column for column in columns if any(named == column for _, named in counts)]
    return {row: {column: counts[row, column] for column in used_columns} for row in used_rows}


def spread(values: Sequence[float | None]) -> Spread:
    """Give the median and the ninth decile, each the smallest value that so many are at or below."""
    reached = sorted(value for value in values if value is not None)

    def quantile(part: float) -> float | None:
        rank = math.ceil(part * len(values))
        return reached[rank - 1] if 0 < rank <= len(reached) else None

    return Spread(
        reached=len(reached),
        never=len(values) - len(reached),
        median=quantile(0.5),
        ninth_decile=quantile(0.9),
    )


def mechanisms(graded: Iterable[Graded]) -> Mechanisms:
    """Give the hierarchical precision and recall of the mechanisms that were named.

    Of each measurement i, the true and the named paths are expanded to all their
    ancestors, T_i and N_i; summed over measurements (micro-averaged),

        precision = sum |T_i and N_i| / sum |N_i|,   recall = sum |T_i and N_i| / sum |T_i|

    so that ``tls.reset`` for ``tls.reset.sni`` costs a third of the recall and
    nothing of the precision (Kiritchenko, Matwin, Nock and Famili, Learning and
    evaluation in the presence of class hierarchies, Canadian AI 2006). What was
    not measured counts as not named.
    """
    compared = [(ancestry([g.mechanism] if g.mechanism else []), ancestry(g.mechanisms)) for g in graded]
    told = [(true, named) for true, named in compared if true or named]
    shared = sum(len(true & named) for true, named in told)
    all_true = sum(len(true) for true, _ in told)
    all_named = sum(len(named) for _, named in told)
    return Mechanisms(
        measurements=len(told),
        precision=shared / all_named if all_named else None,
        recall=shared / all_true if all_true else None,
    )
