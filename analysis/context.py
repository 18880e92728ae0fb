"""Puts each measurement beside those that it must be compared with: sentinels, other vantages, its neighbours."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

from analysis.facts import Facts, Witness
from analysis.pairs import Standing
from analysis.runs import WINDOW
from analysis.video import REMEMBERED, reading_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from datetime import timedelta

    from analysis.facts import CycleFacts, MeasurementFacts
    from analysis.instrument import Defect
    from analysis.runs import Bets
    from analysis.transfer_runs import TransferBets


def facts_of_all(
    cycles: Sequence[CycleFacts],
    bets: Bets,
    transfers: TransferBets,
    wanted: Container[str] | None = None,
    defects: Sequence[Defect] = (),
) -> Iterator[Facts]:
    """Give the facts of every measurement, or of those that are ``wanted``, in order of time."""
    history = _History(cycles)
    defect_of = {measurement_id: defect for defect in defects for measurement_id in defect.measurements}
    silent = {
        vantage: any(
            cycle.is_anything_reached and any(link.is_gateway_answering is False for link in cycle.links)
            for cycle in several
        )
        for vantage, several in history.cycles_of.items()
    }
    negative_transfers = {vantage: transfers.negative_log10_e(vantage) for vantage in history.cycles_of}
    negative = {vantage: bets.negative_log10_e(vantage) for vantage in history.cycles_of}
    for cycle in sorted(cycles, key=lambda c: (c.started_at, c.cycle_id)):
        vantage = cycle.vantage.vantage_id
        for measurement in sorted(cycle.measurements, key=lambda m: (m.started_at, m.measurement_id)):
            if wanted is not None and measurement.measurement_id not in wanted:
                continue
            near = history.near(measurement)
            runs = bets.runs_of.get(measurement.measurement_id, ())
            films = history.films(measurement)
            yield Facts(
                measurement=measurement,
                cycle=cycle,
                sentinels=tuple(w for w in near if w.cycle.vantage.is_sentinel),
                elsewhere=tuple(w for w in near if not w.cycle.vantage.is_sentinel),
                neighbours=history.neighbours(measurement),
                pair_runs=tuple(run for run in runs if run.part is None),
                host_runs=tuple(run for run in runs if run.part is not None),
                last_film=films.get(vantage),
                films=tuple(film for place, film in sorted(films.items()) if place != vantage),
                transfer_runs=transfers.runs_of.get(measurement.measurement_id, ()),
                negative_transfers_log10_e=negative_transfers[vantage],
                pairs_not_counted={
                    pair.pair_id: bets.standing_of[pair.pair_id]
                    for pair in (*measurement.pairs, *measurement.transfers)
                    if bets.standing_of[pair.pair_id] is not Standing.COUNTED
                },
                negative_log10_e=negative[vantage],
                defect=defect_of.get(measurement.measurement_id),
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
            if witness.measurement.vantage_id != measurement.vantage_id and not witness.cycle.is_through_tunnel
        ]
        return sorted(others, key=_distance_to(measurement))

    def films(self, measurement: MeasurementFacts) -> dict[str, Witness]:
        """Give each vantage's reading of the same video that is nearest in time; of this vantage none that is later."""
        if measurement.video is None and reading_of(measurement) is None:
            return {}
        times = self._times[measurement.target]
        start = bisect_left(times, measurement.started_at - REMEMBERED)
        end = bisect_right(times, measurement.started_at + REMEMBERED)
        found: dict[str, Witness] = {}
        for witness in sorted(self._by_target[measurement.target][start:end], key=_distance_to(measurement)):
            there = witness.measurement
            is_later = there.started_at > measurement.started_at
            is_wanted = there.vantage_id not in found and not (is_later and there.vantage_id == measurement.vantage_id)
            if is_wanted and reading_of(there) is not None and not witness.cycle.is_through_tunnel:
                found[there.vantage_id] = witness
        return found

    def neighbours(self, measurement: MeasurementFacts) -> tuple[Witness, ...]:
        """Give the same target at the same vantage in the previous and in the next cycle."""
        series = self._by_series[measurement.vantage_id, measurement.target]
        times = [w.measurement.started_at for w in series]
        start = bisect_left(times, measurement.started_at)
        place = next(
            i for i in range(start, len(series)) if series[i].measurement.measurement_id == measurement.measurement_id
        )
        beside = [*series[max(place - 1, 0) : place], *series[place + 1 : place + 2]]
        return tuple(w for w in beside if w.cycle.cycle_id != measurement.cycle_id and not w.cycle.is_through_tunnel)


def _distance_to(measurement: MeasurementFacts) -> Callable[[Witness], tuple[timedelta, str]]:
    """Order witnesses by how far in time they are from a measurement."""
    return lambda w: (abs(w.measurement.started_at - measurement.started_at), w.measurement.measurement_id)
