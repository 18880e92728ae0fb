"""What many scored episodes come to together: every figure with its interval. Pure: scores in, figures out."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from analysis.evaluate.baselines import BASELINES
from analysis.evaluate.calibration import Calibration, Question, calibrate, check, fit, predict
from analysis.evaluate.event_match import SHUTDOWN, EventGrade
from analysis.evaluate.intervals import Figure, by_episode, clopper_pearson
from analysis.evaluate.runs import damage_of
from analysis.evaluate.score import OURS, median_or_none
from analysis.evaluate.simulate.episode import Family
from analysis.evaluate.truth import CAUSES
from analysis.rules import RULESET

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from analysis.evaluate.score import Score

RESAMPLES: Final = 400
CALIBRATION_RESAMPLES: Final = 200
SHARED_FIBRE: Final = "duct-cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseFigures:
    """How well one cause is told. Events that are left undetermined stand apart."""

    events: int
    undetermined: int
    missed: int
    precision: Figure
    recall: Figure
    """Of those that were decided, or missed altogether."""
    recall_of_all: Figure
    f1: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodFigures:
    """What one method comes to, on the one question that all of them answer: does somebody act on this target here?"""

    false_per_1000: Figure
    """Episodes of damage with an accusation, of a thousand."""
    recall_names: Figure
    """Of the vantages and targets on whose name somebody acts."""
    recall_dark: Figure
    """Of those that somebody darkened."""
    f1_names: Figure
    """Over all episodes but mimicry, as all that follow."""
    f1: Figure
    """Names and darkness together."""
    alerts_per_event: Figure
    delay_s: Figure
    """Median, of those found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The whole."""

    ruleset: str
    episodes: int
    damage_episodes: int
    false_damage: tuple[str, ...]
    """Episodes of damage in which somebody is accused: mechanism, seed, and what was said."""
    false_others: tuple[str, ...]
    """The same of all other episodes, and of series on which nobody acts in those where somebody acts elsewhere."""
    false_per_1000: Figure
    measurements: int
    causes: dict[str, CauseFigures]
    macro_f1: Figure
    macro_f1_of_all: Figure
    held_out_causes: dict[str, CauseFigures]
    held_out_macro_f1: Figure
    held_out_macro_f1_of_all: Figure
    mechanism_precision: Figure
    mechanism_recall: Figure
    calibration: dict[str, tuple[Calibration, Calibration]]
    """By question: on mechanisms that are not held out, and on those that are."""
    held_out_ece: Figure
    held_out_brier: Figure
    mimicry_named: dict[str, int]
    shutdowns_on_shared_fibre: int
    shared_fibre_episodes: int
    onset_delay_s: Figure
    pairs: Figure
    pairs_decided: Figure
    alerts_per_event: Figure
    methods: dict[str, MethodFigures]

    def as_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        return asdict(self)


def scorecard(scores: Sequence[Score], *, seed: int) -> Scorecard:
    """Put scores together."""
    damage, held_out = damage_of(scores), [one for one in scores if one.is_held_out]
    false_damage = [one for one in damage if one.is_falsely_accusing]
    per_1000 = _per_1000(len(false_damage), len(damage))
    question = Question.RIGHT
    coefficients = fit([one for one in scores if not one.is_held_out], question)

    def interval(
        some: Sequence[Score], figure: Callable[[Sequence[Score]], float | None], n: int = RESAMPLES
    ) -> Figure:
        return by_episode(some, figure, resamples=n, seed=seed)

    causes, held_out_causes = cause_figures(scores, seed), cause_figures(held_out, seed)
    held_out_f1 = interval(held_out, macro_f1)
    ece = interval(held_out, lambda some: check([predict(coefficients, some, question)]).ece, CALIBRATION_RESAMPLES)
    fibre = [one for one in scores if one.generator == SHARED_FIBRE]
    shutdowns = sum(SHUTDOWN in one.unborne for one in fibre)
    mimicry = Counter(name or "(none)" for one in scores for name in one.open_named)
    return Scorecard(
        ruleset=RULESET,
        episodes=len(scores),
        damage_episodes=len(damage),
        false_damage=tuple(map(_sentence, false_damage)),
        false_others=tuple(_sentence(s) for s in scores if s.is_falsely_accusing and s.family != Family.DAMAGE),
        false_per_1000=per_1000,
        measurements=sum(one.innocents for one in scores),
        causes=causes,
        macro_f1=interval(scores, macro_f1),
        macro_f1_of_all=interval(scores, lambda some: macro_f1(some, of_all=True)),
        held_out_causes=held_out_causes,
        held_out_macro_f1=held_out_f1,
        held_out_macro_f1_of_all=interval(held_out, lambda some: macro_f1(some, of_all=True)),
        mechanism_precision=interval(scores, lambda some: _ratio(some, 0, 1)),
        mechanism_recall=interval(scores, lambda some: _ratio(some, 0, 2)),
        calibration={question.value: calibrate(scores, question) for question in Question},
        held_out_ece=ece,
        held_out_brier=interval(
            held_out, lambda some: check([predict(coefficients, some, question)]).brier, CALIBRATION_RESAMPLES
        ),
        mimicry_named=dict(sorted(mimicry.items())),
        shutdowns_on_shared_fibre=shutdowns,
        shared_fibre_episodes=len(fibre),
        onset_delay_s=interval(scores, _onset_delay),
        pairs=interval(scores, lambda some: median_or_none(n for one in some for n in one.pairs if n is not None)),
        pairs_decided=interval(scores, _pairs_decided),
        alerts_per_event=interval(scores, _alerts),
        methods={name: _method(scores, name, seed) for name in (OURS, *(b.name for b in BASELINES))},
    )


def _sentence(one: Score) -> str:
    said = [*one.accused[:2], *(f"event {event.cause}" for event in one.false_events[:2])]
    return f"{one.generator} {one.seed}: {'; '.join(said)}"


def _per_1000(count: int, of: int) -> Figure:
    share = clopper_pearson(count, of)
    low, high = share.low, share.high
    return Figure(
        value=None if share.value is None else 1000 * share.value,
        low=None if low is None else 1000 * low,
        high=None if high is None else 1000 * high,
    )


# ---------------------------------------------------------------- causes


def _counts(scores: Sequence[Score]) -> dict[str, Counter[str]]:
    """Count, for each cause, its events by grade, and how often it is named and nothing bears it out."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one in scores:
        for event in one.events:
            found[event.cause][event.grade.value] += 1
        for cause in one.unborne:
            found[cause]["unborne"] += 1
    return found


def _f1(counts: Counter[str], *, of_all: bool) -> float | None:
    found, missed = counts[EventGrade.FOUND], counts[EventGrade.WRONG] + counts[EventGrade.MISSED]
    left = missed + (counts[EventGrade.WEAKER] if of_all else 0)
    total = 2 * found + left + counts["unborne"]
    return 2 * found / total if total else None


def macro_f1(scores: Sequence[Score], *, of_all: bool = False) -> float | None:
    """Give the mean F1 of the causes that happened. An event left undetermined is apart, or with ``of_all`` a miss."""
    counts = _counts(scores)
    happened = [cause for cause in CAUSES if sum(counts[cause][grade.value] for grade in EventGrade)]
    values = [_f1(counts[cause], of_all=of_all) for cause in happened]
    return sum(value or 0.0 for value in values) / len(values) if values else None


def cause_figures(scores: Sequence[Score], seed: int) -> dict[str, CauseFigures]:
    """Give the figures of every cause that happened."""
    counts = _counts(scores)
    figures: dict[str, CauseFigures] = {}
    for cause in CAUSES:
        mine = counts[cause]
        events = sum(mine[grade.value] for grade in EventGrade)
        if not events:
            continue
        found, weaker = mine[EventGrade.FOUND], mine[EventGrade.WEAKER]
        figures[cause] = CauseFigures(
            events=events,
            undetermined=weaker,
            missed=mine[EventGrade.MISSED],
            precision=clopper_pearson(found, found + mine["unborne"]),
            recall=clopper_pearson(found, events - weaker),
            recall_of_all=clopper_pearson(found, events),
            f1=by_episode(
                scores, lambda some, cause=cause: _f1(_counts(some)[cause], of_all=False),  # type: ignore[misc]
                resamples=RESAMPLES // 4, seed=seed,
            ),
        )  # fmt: skip
    return figures


def _ratio(scores: Sequence[Score], over: int, under: int) -> float | None:
    total = sum(one.mechanisms[under] for one in scores)
    return sum(one.mechanisms[over] for one in scores) / total if total else None


def _onset_delay(scores: Sequence[Score]) -> float | None:
    return median_or_none(
        event.onset_delay_s
        for one in scores
        for event in one.events
        if event.grade is EventGrade.FOUND and event.onset_delay_s is not None
    )


def _pairs_decided(scores: Sequence[Score]) -> float | None:
    series = [count for one in scores for count in one.pairs]
    return sum(count is not None for count in series) / len(series) if series else None


def _alerts(scores: Sequence[Score]) -> float | None:
    events = [event for one in scores for event in one.events]
    return sum(event.alerts for event in events) / len(events) if events else None


# ---------------------------------------------------------------- methods


def _method(scores: Sequence[Score], name: str, seed: int) -> MethodFigures:
    honest = [one for one in scores if one.family != Family.MIMICRY]
    damage = damage_of(scores)

    def interval(figure: Callable[[Sequence[Score]], float | None]) -> Figure:
        return by_episode(honest, figure, resamples=RESAMPLES // 4, seed=seed)

    def recall_names(some: Sequence[Score]) -> float | None:
        acted = sum(one.acted_names for one in some)
        return sum(one.methods[name].found_names for one in some) / acted if acted else None

    def recall_dark(some: Sequence[Score]) -> float | None:
        acted = sum(one.acted_dark for one in some)
        return sum(one.methods[name].found_dark for one in some) / acted if acted else None

    def f1_of(some: Sequence[Score], *, with_dark: bool) -> float | None:
        found = sum(one.methods[name].found_names + with_dark * one.methods[name].found_dark for one in some)
        wrong = sum(one.methods[name].falsely for one in some)
        acted = sum(one.acted_names + with_dark * one.acted_dark for one in some)
        return 2 * found / (acted + found + wrong) if acted else None

    def alerts(some: Sequence[Score]) -> float | None:
        acts = sum(one.acts for one in some)
        return sum(one.methods[name].alerts for one in some) / acts if acts else None

    accusing = sum(one.methods[name].falsely > 0 or (name == OURS and one.is_falsely_accusing) for one in damage)
    return MethodFigures(
        false_per_1000=_per_1000(accusing, len(damage)),
        recall_names=interval(recall_names),
        recall_dark=interval(recall_dark),
        f1_names=interval(lambda some: f1_of(some, with_dark=False)),
        f1=interval(lambda some: f1_of(some, with_dark=True)),
        alerts_per_event=interval(alerts),
        delay_s=interval(lambda some: median_or_none(d for one in some for d in one.methods[name].delays_s)),
    )
