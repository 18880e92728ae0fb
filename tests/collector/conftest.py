from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from collector.keys import load
from collector.opening import open_store
from collector.service import Service
from tests.collector.fleet import Sender, TestClock
from tests.probe.store.conftest import postgres_server, postgres_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """A collector over an empty database, SQLite and PostgreSQL in turn."""
    is_sqlite = request.param == "sqlite"
    url = str(tmp_path / "collector.db") if is_sqlite else request.getfixturevalue("postgres_url")
    with over(url, tmp_path / "state") as made:
        yield made


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Service]:
    """A collector over SQLite alone."""
    with over(str(tmp_path / "collector.db"), tmp_path / "state") as made:
        yield made


@contextmanager
def over(url: str, state: Path) -> Iterator[Service]:
    """A collector over a database, with a clock of its own."""
    clock = TestClock()
    with open_store(url, create=True, clock=clock) as store:
        yield Service(store=store, keys=load(state), clock=clock, addresses=("https://one", "https://two"))


@pytest.fixture
def sender(service: Service, tmp_path: Path) -> Iterator[Sender]:
    """An enrolled probe with three cycles to send."""
    with Sender.enrolled(service, tmp_path / "almaty.db", "almaty") as made:
        yield made
