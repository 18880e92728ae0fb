"""The page on the lab names what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import disasters, middleboxes, orders, refusals, scenario_file
from lab.commands import app
from lab.registry import kinds
from lab.scenario import FAMILIES

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "lab.md").read_text(encoding="utf-8")
SCENARIOS = (DOCS / "scenarios.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", [name for package in (middleboxes, disasters, orders, refusals) for name in kinds(package)]
)
def test_every_kind_is_named_on_the_page(name: str) -> None:
    assert f"`{name}`" in SCENARIOS


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_named_on_the_page(family: str) -> None:
    assert f"`{family}`" in SCENARIOS


def test_every_subcommand_is_shown_on_the_page() -> None:
    assert all(
        f"nameblind lab {command.name or command.callback.__name__} " in PAGE for command in app.registered_commands
    )


def test_the_pages_scenario_can_be_read(tmp_path: Path) -> None:
    example = SCENARIOS.partition("```yaml\n")[2].partition("```")[0]
    path = tmp_path / "example.yaml"
    path.write_text(example, encoding="utf-8")
    scenario = scenario_file.load(str(path))
    assert len(scenario.timeline) == 4
