"""An answer shown: as a table for a person, as CSV or JSON for a program.

Text from the network is inert in the terminal and in CSV. Nothing half is
written: a question that breaks off has put nothing out.
"""

from __future__ import annotations

import json
import math
import shutil
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from analysis.report.inert import visible
from analysis.tables.writing import csv_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from rich.console import Console

    from analysis.tables.asking import Answer

ROWS_SHOWN: Final = 100
_CELL_CHARS: Final = 400
_IN_MEMORY_BYTES: Final = 8 * 2**20
_NARROWEST: Final = 10
"""Characters a column needs to be read; where there are too many columns for that, a row is shown as a list."""


def show(answer: Answer, console: Console) -> None:
    """Print the first rows: as a table where its columns have room, else each row as a list of its columns."""
    rows = list(islice(answer.rows, ROWS_SHOWN + 1))
    cells = [[_shown(value) for value in row] for row in rows[:ROWS_SHOWN]]
    names = [visible(name, _CELL_CHARS) for name in answer.columns]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    has_room = sum(min(width, _NARROWEST) + 3 for width in widths) < console.width
    if has_room:
        console.print(_table(names, cells))
    else:
        _print_lists(names, cells, console)
    if len(rows) > ROWS_SHOWN:
        console.print(f"The first {ROWS_SHOWN} rows; all of them: --csv or --json.")
    else:
        console.print(f"{len(rows)} row(s).")


def write_csv(answer: Answer, out: TextIO) -> None:
    """Write all rows as CSV, as ``export csv`` does."""

    def write(file: Any) -> None:
        file.write(csv_line(answer.columns))
        file.writelines(csv_line(row) for row in answer.rows)

    _whole(write, out)


def write_json(answer: Answer, out: TextIO) -> None:
    """Write one object: ``columns``, a list of names, and ``rows``, a list of lists; bytes as hex."""

    def write(file: Any) -> None:
        file.write(f'{{"columns": {_json(answer.columns)}, "rows": [')
        for number, row in enumerate(answer.rows):
            file.write(f"{',' if number else ''}\n{_json([_plain(value) for value in row])}")
        file.write("]}\n")

    _whole(write, out)


def _whole(write: Callable[[Any], None], out: TextIO) -> None:
    with SpooledTemporaryFile(_IN_MEMORY_BYTES, mode="w+", encoding="utf-8", newline="") as file:
        write(file)
        file.seek(0)
        shutil.copyfileobj(file, out)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case float() if not math.isfinite(value):
            return None
        case None | bool() | int() | float() | str() | list() | dict():
            return value
        case _:
            return str(value)


def _shown(value: Any) -> str:
    plain = _plain(value)
    return "" if plain is None else visible(plain if isinstance(plain, str) else _json(plain), _CELL_CHARS)


def _table(names: list[str], cells: list[list[str]]) -> Table:
    table = Table()
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _print_lists(names: list[str], cells: list[list[str]], console: Console) -> None:
    width = max(map(len, names))
    for row in cells:
        for name, cell in zip(names, row, strict=True):
            if cell:
                console.print(Text(f"{name:>{width}}  {cell}"))
        console.print()
