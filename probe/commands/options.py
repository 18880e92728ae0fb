"""Options that several subcommands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATABASE = "results.db"

Db = Annotated[
    str,
    typer.Option("--db", metavar="URL", help="The database: a SQLite file, or postgresql+psycopg://…"),
]
ScheduleFile = Annotated[
    Path,
    typer.Option("--schedule", metavar="FILE", help="What to measure, from where, how often (YAML)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]

DEFAULT_SCHEDULE = Path("schedules/kazakhstan.yaml")
