"""A small fleet whose names are as hostile as a server or a volunteer's file can make them, analysed and opened."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from analysis.analyse import analyse
from analysis.dashboard.app import app_of
from probe.store.database import Database
from tests.analysis.fact_builder import CycleBuilder, failed, plus_pairs, reached, sentinel_cycle, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEWS = "news.example.com"
HOSTILE = "<script>alert(1)</script>\u202e=cmd|x"


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three vantages, two days: at two of them one name is blocked on the second day; the third is hostile."""
    path = tmp_path_factory.mktemp("dashboard") / "fleet.db"
    cycles = []
    for index in range(8):
        is_blocked = index >= 4
        for number, name in enumerate(("almaty", "astana")):
            builder = CycleBuilder(vantage=name, index=index, after=timedelta(seconds=number), region=name.title())
            builder.controls().portal_check()
            pairs = plus_pairs(6) if is_blocked else plus_pairs(0, alive=2)
            steps = failed("tls") if is_blocked else reached()
            cycles.append(builder.add(NEWS, steps, service="news", pairs=pairs).build())
        odd = CycleBuilder(vantage="odd", index=index, after=timedelta(seconds=3), region=HOSTILE)
        cycles.append(odd.controls().portal_check().add(NEWS, reached(title=HOSTILE), service=HOSTILE).build())
        cycles.append(sentinel_cycle(index=index))
    with Database.open(str(path), create=True) as database:
        store(database, cycles)
        analyse(database)
    return path


@pytest.fixture
def database(place: Path) -> Iterator[Database]:
    """The fleet's database, opened as the dashboard opens it."""
    with Database.open_for_reading(str(place)) as database:
        yield database


@pytest.fixture
def client(database: Database) -> TestClient:
    """Somebody who asks for pages."""
    return TestClient(app_of(database), raise_server_exceptions=True)
