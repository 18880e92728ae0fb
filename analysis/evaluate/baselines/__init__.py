"""The methods in use today, each as published, on the same data. One small file each, one signature.

A baseline reads the rows of one episode (:class:`analysis.evaluate.observed.Observed`)
and gives the vantages, targets and slots at which it would say that somebody
acts. None of them tells kinds of action apart, so no cause is asked of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.evaluate.baselines import (
    cusum,
    encore,
    fractions,
    hyperquack,
    on_the_hour,
    three_failures,
    undetermined,
    z_test,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.evaluate.observed import Observed, Seat


@dataclass(frozen=True, slots=True)
class Baseline:
    """A name for the tables, and the method."""

    name: str
    accuse: Callable[[Observed], set[Seat]]


BASELINES: tuple[Baseline, ...] = (
    Baseline("three failures in a row", three_failures.accuse),
    Baseline("binomial test, p = .7 (Encore)", encore.accuse),
    Baseline("CUSUM of hourly medians (OONI)", cusum.accuse),
    Baseline("control, test x 5, control (Hyperquack)", hyperquack.accuse),
    Baseline("unpaired z-test", z_test.accuse),
    Baseline("fraction of the median (IODA)", fractions.accuse),
    Baseline("start on the hour", on_the_hour.accuse),
    Baseline("always undetermined", undetermined.accuse),
)
