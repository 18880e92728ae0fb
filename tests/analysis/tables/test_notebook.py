"""The notebook runs from its first cell to its last, and is stored without what it once printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import pytest


NOTEBOOK: dict[str, Any] = json.loads((Path(__file__).parents[3] / "docs/notebook/first-look.ipynb").read_text())
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def test_its_code_runs_on_a_database(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMEBLIND_DB", str(told))
    names: dict[str, Any] = {}
    for number, code in enumerate(CODE):
        exec(compile(code, f"cell {number}", "exec"), names)
    blocked = names["states"].filter(pl.col("state") == "blocked")
    assert blocked["target"].unique().to_list() == ["x.com"]


def test_it_is_stored_without_outputs() -> None:
    outputs = [(cell["outputs"], cell["execution_count"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert outputs == [([], None)] * len(CODE)


def test_it_explains_each_of_its_cells() -> None:
    kinds = [cell["cell_type"] for cell in NOTEBOOK["cells"]]
    assert kinds[0] == "markdown"
    assert kinds.count("markdown") >= kinds.count("code") - 1
