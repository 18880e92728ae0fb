"""Databases without a row, copied from one that is made once: making one takes longer than most tests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from probe.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one that is copied; not to be written to."""
    path = tmp_path_factory.mktemp("empty") / "facts.db"
    Database.open(str(path), create=True).close()
    return path


@pytest.fixture
def place(empty: Path, tmp_path: Path) -> Path:
    """The path of an empty database of the test's own."""
    shutil.copy(empty, tmp_path / "facts.db")
    return tmp_path / "facts.db"


@pytest.fixture
def database(place: Path) -> Iterator[Database]:
    with Database.open(str(place)) as opened:
        yield opened
