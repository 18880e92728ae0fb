from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.report import write_report
from tests.analysis.report.page_parser import Page
from tests.analysis.report.zhanaozen_2011 import filled, zhanaozen_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probe.store.database import Database
    from probe.store.models import Base


@pytest.fixture
def build() -> Iterator[Callable[[list[Base]], Database]]:
    """Fill a new database with rows; all of them are closed after the test."""
    opened: list[Database] = []

    def make(rows: list[Base]) -> Database:
        opened.append(filled(rows))
        return opened[-1]

    yield make
    for database in opened:
        database.close()


@pytest.fixture(scope="session")
def zhanaozen() -> Iterator[Database]:
    """Six vantages, five services, eight irregular slots over five days; to be read, never written."""
    with filled(zhanaozen_rows()) as database:
        yield database


@pytest.fixture(scope="session")
def page(zhanaozen: Database, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Its report, taken apart."""
    return Page(write_report(zhanaozen, tmp_path_factory.mktemp("report")).read_text(encoding="utf-8"))
