"""Puts each measurement beside those that it must be compared with: sentinels, other vantages, its neighbours."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, overload

from analysis.facts import Facts, Witness
from analysis.pairs import Standing
from analysis.runs import WINDOW
from analysis.video import REMEMBERED, reading_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator
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
            runs = bets.runs_of.get(measurement.measurement_id, ())
            films = history.films(measurement)
            yield Facts(
                measurement=measurement,
                cycle=cycle,
                sentinels=tuple(history.sentinels.near(measurement)),
                elsewhere=Later(partial(history.others.near, measurement)),
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


class Later(Sequence[Witness]):
    """Witnesses that are looked for when they are first asked for: of a fleet there are hundreds, and few rules ask."""

    def __init__(self, find: Callable[[], Sequence[Witness]]) -> None:
        self._find = find

    @cached_property
    def _found(self) -> Sequence[Witness]:
        return self._find()

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Witness]:
        return iter(self._found)

    @overload
    def __getitem__(self, place: int) -> Witness: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Witness]: ...
    def __getitem__(self, place: int | slice) -> Witness | Sequence[Witness]:
        return self._found[place]


class _Timeline:
    """Witnesses by target, in order of time."""

    def __init__(self, witnesses: Iterable[Witness]) -> None:
        self._by_target: dict[str, list[Witness]] = defaultdict(list)
        for witness in witnesses:
            self._by_target[witness.measurement.target].append(witness)
        for several in self._by_target.values():
            several.sort(key=lambda w: (w.measurement.started_at, w.measurement.measurement_id))
        self._times = {
            target: [w.measurement.started_at for w in several] for target, several in self._by_target.items()
        }

    def near(self, measurement: MeasurementFacts) -> list[Witness]:
        """Give the same target at other vantages within the window, the nearest first."""
        times = self._times.get(measurement.target, [])
        start = bisect_left(times, measurement.started_at - WINDOW)
        end = bisect_right(times, measurement.started_at + WINDOW)
        if start == end:
            return []
        some = self._by_target[measurement.target][start:end]
        others = [witness for witness in some if witness.measurement.vantage_id != measurement.vantage_id]
        return sorted(others, key=_distance_to(measurement))

    def nearest(self, measurement: MeasurementFacts, *, is_later_asked: bool) -> Witness | None:
        """Give the witness that is nearest in time, not beyond what is remembered; of equals the first by its name."""
        times, at = self._times.get(measurement.target, []), measurement.started_at
        places = [bisect_left(times, at)] if is_later_asked else []
        before = bisect_right(times, at) - 1
        places += [bisect_left(times, times[before])] if before >= 0 else []
        some = [self._by_target[measurement.target][place] for place in places if place < len(times)]
        known = [w for w in some if abs(w.measurement.started_at - at) <= REMEMBERED]
        return min(known, key=_distance_to(measurement), default=None)


class _History:
    """Every measurement by target, in order of time."""

    def __init__(self, cycles: Sequence[CycleFacts]) -> None:
        self.cycles_of: dict[str, list[CycleFacts]] = defaultdict(list)
        self._by_series: dict[tuple[str, str], list[Witness]] = defaultdict(list)
        everything: list[Witness] = []
        for cycle in sorted(cycles, key=lambda c: (c.started_at, c.cycle_id)):
            self.cycles_of[cycle.vantage.vantage_id].append(cycle)
            everything += [Witness(measurement, cycle) for measurement in cycle.measurements]
        for witness in sorted(everything, key=lambda w: (w.measurement.started_at, w.measurement.measurement_id)):
            self._by_series[witness.measurement.vantage_id, witness.measurement.target].append(witness)
        telling = [witness for witness in everything if not witness.cycle.is_through_tunnel]
        self.sentinels = _Timeline(w for w in telling if w.cycle.vantage.is_sentinel)
        self.others = _Timeline(w for w in telling if not w.cycle.vantage.is_sentinel)
        films: dict[str, list[Witness]] = defaultdict(list)
        for witness in telling:
            if reading_of(witness.measurement) is not None:
                films[witness.measurement.vantage_id].append(witness)
        self._films = {vantage: _Timeline(read) for vantage, read in sorted(films.items())}

    def films(self, measurement: MeasurementFacts) -> dict[str, Witness]:
        """Give each vantage's reading of the same video that is nearest in time; of this vantage none that is later."""
        if measurement.video is None and reading_of(measurement) is None:
            return {}
        found = {
            vantage: read.nearest(measurement, is_later_asked=vantage != measurement.vantage_id)
            for vantage, read in self._films.items()
        }
        return {vantage: film for vantage, film in found.items() if film is not None}

    def neighbours(self, measurement: MeasurementFacts) -> tuple[Witness, ...]:
        """Give the same target at the same vantage in the previous and in the next cycle."""
        series = self._by_series[measurement.vantage_id, measurement.target]
        start = bisect_left(series, measurement.started_at, key=lambda w: w.measurement.started_at)
        place = next(
            i for i in range(start, len(series)) if series[i].measurement.measurement_id == measurement.measurement_id
        )
        beside = [*series[max(place - 1, 0) : place], *series[place + 1 : place + 2]]
        return tuple(w for w in beside if w.cycle.cycle_id != measurement.cycle_id and not w.cycle.is_through_tunnel)


def _distance_to(measurement: MeasurementFacts) -> Callable[[Witness], tuple[timedelta, str]]:
    """Order witnesses by how far in time they are from a measurement."""
    return lambda w: (abs(w.measurement.started_at - measurement.started_at), w.measurement.measurement_id)
