"""The page of faults names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
WRITTEN = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py"))


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"\b(test_[a-z0-9_]+)\b(?!\.py)", PAGE)
    assert len(named) > 30
    assert [name for name in named if f"def {name}(" not in WRITTEN] == []


def test_every_file_that_the_page_names_exists() -> None:
    named = re.findall(r"\b(test_[a-z0-9_]+\.py)\b", PAGE)
    assert [name for name in named if not list((ROOT / "tests").rglob(name))] == []
