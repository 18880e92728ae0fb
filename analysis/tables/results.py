"""What ``nameblind.read`` gives: the stored tables as data frames.

Frames are Polars'; ``.to_pandas()`` or ``.to_arrow()`` turns one into another's.
Rows are sorted, instants are UTC, and JSON is text, as in ``export parquet``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import polars as pl
import pyarrow as pa

from analysis.tables.arrow import record_batches, schema
from analysis.tables.asking import TIMEOUT_S, ask
from analysis.tables.dictionary import HEADINGS, named, rows_of, tables
from probe.store.database import Database

if TYPE_CHECKING:
    from types import TracebackType


class Results:
    """A results database, opened for reading alone."""

    def __init__(self, path_or_url: str) -> None:
        """Open it. ``UserError`` where it is missing, foreign, damaged or of another schema."""
        self._database = Database.open_for_reading(path_or_url)

    def table(self, name: str) -> pl.DataFrame:
        """Give a table or view by its documented name, whole. ``UserError`` for another name."""
        (of,) = named([name])
        with self._database.session() as session:
            found: Any = pl.from_arrow(pa.Table.from_batches(record_batches(session, of), schema=schema(of)))
        assert isinstance(found, pl.DataFrame)
        return found

    def measurements(self) -> pl.DataFrame:
        """Give ``v_measurement``: a row for each measurement, with its state where an analysis has run."""
        return self.table("v_measurement")

    def states(self) -> pl.DataFrame:
        """Give ``v_state``: a row for each measurement that was judged, with mechanisms and reason."""
        return self.table("v_state")

    def steps(self) -> pl.DataFrame:
        """Give ``v_step``: a row for each DNS question, connection, handshake and request."""
        return self.table("v_step")

    def pairs(self) -> pl.DataFrame:
        """Give ``v_pair``: a row for each pair, with how each arm ended."""
        return self.table("v_pair")

    def outages(self) -> pl.DataFrame:
        """Give ``v_outage``: a row for each run of measurements whose state is not ``ok``."""
        return self.table("v_outage")

    def slots(self) -> pl.DataFrame:
        """Give ``v_slot``: a row for each slot in which a vantage should have measured, missed ones too."""
        return self.table("v_slot")

    def events(self) -> pl.DataFrame:
        """Give ``event``: what began, had a scope and perhaps ended."""
        return self.table("event")

    def evidence(self) -> pl.DataFrame:
        """Give ``evidence``: every rule that fired for a measurement."""
        return self.table("evidence")

    def grid(self) -> pl.DataFrame:
        """Give ``grid``: a row for each vantage, target and slot, whether anything was heard or not."""
        return self.table("grid")

    def dictionary(self) -> pl.DataFrame:
        """Give what every column of every table means."""
        return pl.DataFrame(rows_of(tuple(tables().values())), schema=list(HEADINGS), orient="row")

    def sql(self, question: str, timeout_s: float = TIMEOUT_S) -> pl.DataFrame:
        """Answer one SELECT. Values are as the database gives them: on SQLite, instants are text.

        ``UserError`` for what is no question, is wrong, or takes too long.
        """
        with ask(self._database, question, timeout_s) as answer:
            return pl.DataFrame(list(answer.rows), schema=list(answer.columns), orient="row", infer_schema_length=None)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
