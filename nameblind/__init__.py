"""The command, which assembles the subcommands that each package offers, and :func:`read` for who writes programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from analysis.tables.results import Results

__all__ = ["read"]


def read(path_or_url: str | PathLike[str]) -> Results:
    """Open a results database for reading: its tables as Polars data frames.

    Needs ``pip install 'nameblind[tables]'``. ``probe.errors.UserError`` where the
    database is missing, foreign, damaged or of another schema.

    Example: ``nameblind.read("results.db").states()``
    """
    from analysis.tables.results import Results

    return Results(str(path_or_url))
