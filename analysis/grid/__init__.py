"""The dense grid: every vantage, target and slot has a cell, whether anything was heard or not.

Silence is data: a slot of which nothing was heard is a row as well. A cell says one
of four things, and why: ``ran`` (the target was reached), ``failed`` (it was
measured, and any other state came out), ``missed`` (it was not measured, and the
vantage says why), ``not-yet-heard`` (nothing at all came, and nobody knows whether
it is late). Nothing is concluded here on causes.

A fact has two clocks: when it happened, which places it, and when it arrived,
which says whether it was known at a moment. What arrives late stands in its own
slot when the analysis runs again.

:mod:`analysis.grid.rounds` places cycles and missed slots; :mod:`analysis.grid.cells`
spreads them over targets and sums them up.
"""

from __future__ import annotations

from analysis.grid.cells import Cell, Grid, Kind, as_values, cells_of, grid_of, grid_of_passes, summary_of
from analysis.grid.daily import daily_values
from analysis.grid.rounds import Line, Pass, Round, passes_of

__all__ = [
    "Cell",
    "Grid",
    "Kind",
    "Line",
    "Pass",
    "Round",
    "as_values",
    "cells_of",
    "daily_values",
    "grid_of",
    "grid_of_passes",
    "passes_of",
    "summary_of",
]
