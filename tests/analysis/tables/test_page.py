"""What the page for analysts shows is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import nameblind
from analysis.tables.results import Results
from nameblind.cli import main

PAGE = (Path(__file__).parents[3] / "docs" / "analysts.md").read_text(encoding="utf-8")


def test_the_page_has_every_method_and_no_other() -> None:
    told = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE))
    assert told == {name for name in vars(Results) if not name.startswith("_")} - {"close"}


def test_each_method_gives_the_table_that_the_page_says(told: Path) -> None:
    with nameblind.read(told) as results:
        for method, table in re.findall(r"^\| `(\w+)\(\)` \| `(\w+)` \|$", PAGE, re.MULTILINE):
            assert getattr(results, method)().equals(results.table(table)), method


def test_its_questions_in_sql_are_answered(told: Path) -> None:
    questions = re.findall(r'^nameblind sql "(SELECT .*?)"$', PAGE, re.MULTILINE | re.DOTALL)
    assert len(questions) == 1
    assert [main(["sql", question, "--db", str(told)]) for question in questions] == [0]


def test_its_python_runs(told: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(code.replace("results.db", str(told)), names)
    assert [row[:2] for row in names["blocked"].rows()] == [("AS9198", "x.com")]  # type: ignore[attr-defined]


def test_every_export_is_named() -> None:
    assert {"parquet", "csv", "ooni"} <= set(re.findall(r"nameblind export (\w+)", PAGE))
