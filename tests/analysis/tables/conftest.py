"""A small database whose every answer is known by heart, with conclusions and with one hostile title."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from probe.store.database import Database
from tests.probe.store.example_facts import NOON, cycle, full_observation, measurement, vantage
from tests.probe.store.example_story import tell

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '=HYPERLINK("http://evil.test","x")\x00\x1b[31m\u202e<script>alert(1)</script>'
"""As a page's title: a formula, a terminal's escape, a turn of the writing, and markup. NUL is stored as U+FFFD."""
STARTS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1")


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The story of three places, told once; not to be written to."""
    path = tmp_path_factory.mktemp("told") / "results.db"
    with Database.open(str(path), create=True) as database:
        tell(database)
        hostile = [
            full_observation(f"bad.{number}", "bad.m", title=title) for number, title in enumerate((HOSTILE, *STARTS))
        ]
        at_night = [cycle("bad", NOON), measurement("bad.m", "bad", service="K+", target="bad.test", started_at=NOON)]
        database.append("bad", [vantage("bad"), *at_night, *hostile])
    return path
