"""The data dictionary: every table and view with its columns, their types, units and meanings.

It is read from ``schema.md``, which is ``docs/schema.md`` itself (a link, and a
copy of it in a wheel). That page is held against the database by a test, so
what we hand out with the data is what the database has, and nothing is said twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from probe.errors import UserError

PAGE: Final = Path(__file__).with_name("schema.md")
HEADINGS: Final = ("table", "column", "type", "unit", "meaning")
_UNITS: Final = {"_s": "seconds", "_bytes": "bytes"}
_LOGARITHM: Final = "log10_"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or a view; ``kind`` is one of the types that the page lists."""

    name: str
    kind: str
    meaning: str

    @property
    def unit(self) -> str:
        """Give the unit, which stands in the name; empty where there is none."""
        if self.kind == "instant":
            return "UTC"
        if self.name.startswith(_LOGARITHM):
            return "decimal logarithm"
        if self.kind not in {"integer", "real"}:
            return ""
        return next((unit for ending, unit in _UNITS.items() if self.name.endswith(ending)), "")


@dataclass(frozen=True, slots=True)
class Table:
    """A table or a view, under the chapter of the page where it stands."""

    name: str
    chapter: str
    about: str
    columns: tuple[Column, ...]


@cache
def tables() -> dict[str, Table]:
    """Give every documented table and view by its name, in the order of the page."""
    found = {}
    chapter = ""
    for part in re.split(r"^(?=###? )", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE):
        heading, _, rest = part.partition("\n")
        if heading.startswith("## "):
            chapter = heading.removeprefix("## ").strip()
        elif heading.startswith("### "):
            name = heading.removeprefix("### ").strip()
            found[name] = Table(name, chapter, rest.strip().partition("\n")[0], _columns(rest))
    return found


def offered() -> tuple[Table, ...]:
    """Give what analysts get unasked: the views, and the conclusions that they do not hold."""
    return tuple(table for table in tables().values() if table.chapter in {"Views", "Conclusions"})


def named(names: list[str]) -> tuple[Table, ...]:
    """Give the tables of these names, each once; ``UserError`` for a name that is not there."""
    missing = sorted(set(names) - set(tables()))
    if missing:
        raise UserError(f"There is no table {missing[0]!r}; choose among: {', '.join(sorted(tables()))}.")
    return tuple(tables()[name] for name in dict.fromkeys(names))


def rows_of(some: tuple[Table, ...]) -> list[tuple[str, ...]]:
    """Give the dictionary of these tables as rows under :data:`HEADINGS`."""
    return [
        (table.name, column.name, column.kind, column.unit, column.meaning)
        for table in some
        for column in table.columns
    ]


def _columns(text: str) -> tuple[Column, ...]:
    """Read the first pipe table: name, type, perhaps whether it may be empty, meaning."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    return tuple(Column(name=row[0], kind=row[1], meaning=row[-1]) for row in cells)
