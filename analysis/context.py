"""Puts each measurement beside those that it must be compared with: sentinels, other vantages, its neighbours."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from analysis.facts import Facts, Witness
from analysis.pairs import Standing
from analysis.runs import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.facts import CycleFacts, MeasurementFacts
    from analysis.runs import Bets


def facts_of_all(cycles: Sequence[CycleFacts], bets: Bets) -> Iterator[Facts]:
    """Give the facts of every measurement, in order of time."""
    history = _History(cycles)
    silent = {
        vantage: any(
            cycle.is_anything_reached and any(link.is_gateway_answering is False for link in cycle.links)
            for cycle in several
        )
        for vantage, several in history.cycles_of.items()
    }
    negative = {vantage: bets.negative_log10_e(vantage) for vantage in history.cycles_of}
    for cycle in sorted(cycles, key=lambda c: (c.started_at, c.cycle_id)):
        vantage = cycle.vantage.vantage_id
        for measurement in sorted(cycle.measurements, key=lambda m: (m.started_at, m.measurement_id)):
            near = history.near(measurement)
            yield Facts(
                measurement=measurement,
                cycle=cycle,
                sentinels=tuple(w for w in near if w.cycle.vantage.is_sentinel),
                elsewhere=tuple(w for w in near if not w.cycle.vantage.is_sentinel),
                neighbours=history.neighbours(measurement),
                pair_runs=bets.runs_of.get(measurement.measurement_id, ()),
                pairs_not_counted={
                    pair.pair_id: bets.standing_of[pair.pair_id]
                    for pair in measurement.pairs
                    if bets.standing_of[pair.pair_id] is not Standing.COUNTED
                },
                negative_log10_e=negative[vantage],
                is_gateway_known_silent=silent[vantage],
            )


class _History:
    """Every measurement by target, in order of time."""

    def __init__(self, cycles: Sequence[CycleFacts]) -> None:
        self.cycles_of: dict[str, list[CycleFacts]] = defaultdict(list)
        self._by_target: dict[str, list[Witness]] = defaultdict(list)
        self._by_series: dict[tuple[str, str], list[Witness]] = defaultdict(list)
        for cycle in sorted(cycles, key=lambda c: (c.started_at, c.cycle_id)):
            self.cycles_of[cycle.vantage.vantage_id].append(cycle)
            for measurement in cycle.measurements:
                self._by_target[measurement.target].append(Witness(measurement, cycle))
        for target, witnesses in self._by_target.items():
            witnesses.sort(key=lambda w: (w.measurement.started_at, w.measurement.measurement_id))
            for witness in witnesses:
                self._by_series[witness.measurement.vantage_id, target].append(witness)
        self._times = {
            target: [w.measurement.started_at for w in witnesses] for target, witnesses in self._by_target.items()
        }

    def near(self, measurement: MeasurementFacts) -> list[Witness]:
        """Give the same target at other vantages within the window, the nearest first."""
        times = self._times[measurement.target]
        start = bisect_left(times, measurement.started_at - WINDOW)
        end = bisect_right(times, measurement.started_at + WINDOW)
        others = [
            witness
            for witness in self._by_target[measurement.target][start:end]
            if witness.measurement.vantage_id != measurement.vantage_id
        ]
        return sorted(
            others,
            key=lambda w: (
                abs(w.measurement.started_at - measurement.started_at),
                w.measurement.measurement_id,
            ),
        )

    def neighbours(self, measurement: MeasurementFacts) -> tuple[Witness, ...]:
        """Give the same target at the same vantage in the previous and in the next cycle."""
        series = self._by_series[measurement.vantage_id, measurement.target]
        times = [w.measurement.started_at for w in series]
        start = bisect_left(times, measurement.started_at)
        place = next(
            i for i in range(start, len(series)) if series[i].measurement.measurement_id == measurement.measurement_id
        )
        beside = [*series[max(place - 1, 0) : place], *series[place + 1 : place + 2]]
        return tuple(w for w in beside if w.cycle.cycle_id != measurement.cycle_id)
