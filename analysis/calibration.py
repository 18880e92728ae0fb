"""The standing calibration: what pairs of two innocuous names came to, of every vantage and over all.

Under the null, which holds for them by their making, the mean of their e-values
is at most 1 in the long run, whatever the network does. A mean that stays above
says that the instrument is at fault. It is a mean of few values with a long
tail: 20 or more is seen at most once in twenty times (Markov), and says so.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.combining import log10_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.pairs import Tally
    from analysis.runs import Series
    from analysis.transfers import Sample

_LARGEST_LOG10 = 300.0  # beyond it a float overflows; the instrument is at fault long before


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All series of negative controls of one test, at one vantage or over all."""

    vantage: str | None
    """``None`` over all vantages."""
    test: str
    """``names`` where failures are counted, ``transfers`` where rates are."""
    series: int
    pairs: int
    discordant: int
    """Of transfers those that are no tie."""
    mean_log10_e: float
    """log10 of the mean of the series' e-values, each at the end of the data that were read."""
    highest_log10_e: float

    def as_dict(self) -> dict[str, Any]:
        """Give it as ``analyze --json`` prints it."""
        return {
            "vantage": self.vantage,
            "test": self.test,
            "series": self.series,
            "pairs": self.pairs,
            "discordant": self.discordant,
            "mean_e": round(10.0 ** min(self.mean_log10_e, _LARGEST_LOG10), 6),
            "highest_log10_e": round(self.highest_log10_e, 6),
        }


def calibrations(
    names: Mapping[tuple[Series, bool], Tally], transfers: Mapping[tuple[Series, bool], Sample]
) -> tuple[Calibration, ...]:
    """Give the calibration of each test: first over all vantages, then of each."""
    tallies = {"names": dict(names), "transfers": {key: sample.tally for key, sample in transfers.items()}}
    found: list[Calibration] = []
    for test, totals in tallies.items():
        of_vantage: dict[str | None, list[Tally]] = defaultdict(list)
        for (series, is_negative), tally in sorted(totals.items(), key=lambda item: item[0]):
            if is_negative:
                of_vantage[None].append(tally)
                of_vantage[series[0]].append(tally)
        found += [_calibration(vantage, test, several) for vantage, several in of_vantage.items()]
    return tuple(found)


def _calibration(vantage: str | None, test: str, tallies: Sequence[Tally]) -> Calibration:
    values = [tally.log10_e for tally in tallies]
    return Calibration(
        vantage=vantage,
        test=test,
        series=len(tallies),
        pairs=sum(tally.pairs for tally in tallies),
        discordant=sum(tally.discordant for tally in tallies),
        mean_log10_e=log10_mean(values),
        highest_log10_e=max(values),
    )
