"""``nameblind report``: from a database on disk to a file, with the analysis where it is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer
from sqlalchemy import select, update
from typer.testing import CliRunner

from analysis.analyse import analyse
from analysis.report.command import report
from analysis.rules import RULESET
from probe.errors import UserError
from probe.store.database import Database
from probe.store.models import FACTS, Analysis, Cycle, State
from tests.analysis.report.zhanaozen_2011 import zhanaozen_rows

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def run(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(report)
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output.strip()


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """A database on disk that holds two vantages' facts and no conclusion."""
    path = tmp_path / "results.db"
    rows = [row for row in zhanaozen_rows() if isinstance(row, FACTS)]
    with Database.open(str(path), create=True) as database:
        for vantage in ("almaty-fixed", "sentinel-helsinki"):
            own = [row for row in rows if getattr(row, "vantage_id", None) == vantage]
            database.append(vantage, own)
    return path


def test_facts_without_conclusions_are_analysed_first(facts: Path, tmp_path: Path) -> None:
    out = run("--db", str(facts), "--out", str(tmp_path / "out"))
    page = (tmp_path / "out" / "nameblind-report.html").read_text(encoding="utf-8")
    assert out.split("\n") == [str(tmp_path / "out" / f"nameblind-report.{form}") for form in ("html", "pdf")]
    assert "have not been analysed" not in page
    with Database.open(str(facts)) as database, database.session() as session:
        assert session.scalar(select(Analysis.ruleset)) is not None


def test_conclusions_that_fit_the_facts_are_left_as_they_are(facts: Path, tmp_path: Path) -> None:
    with Database.open(str(facts)) as database:
        analyse(database)
        with database.session() as session:
            session.scalars(select(State)).first().reason = "Kept."  # type: ignore[union-attr] - there are states
            session.commit()
    run("--db", str(facts), "--out", str(tmp_path))
    with Database.open(str(facts)) as database, database.session() as session:
        assert "Kept." in session.scalars(select(State.reason)).all()


@pytest.mark.parametrize("changed", [{"ruleset": "99+unknown"}, {"reference": {"weights.yaml": "00" * 32}}])
def test_conclusions_of_other_rules_or_reference_data_are_drawn_anew(
    facts: Path, tmp_path: Path, changed: dict[str, Any]
) -> None:
    with Database.open(str(facts)) as database:
        analyse(database)
        with database.session() as session:
            session.execute(update(Analysis).values(**changed))
            session.execute(update(State).values(reason="Of other rules."))
            session.commit()
    said = run("--db", str(facts), "--out", str(tmp_path))
    assert ("99+unknown" in said) == ("ruleset" in changed)
    with Database.open(str(facts)) as database, database.session() as session:
        assert "Of other rules." not in session.scalars(select(State.reason)).all()
        assert session.scalar(select(Analysis.ruleset)) == RULESET


def test_facts_that_arrived_since_are_analysed_too(facts: Path, tmp_path: Path) -> None:
    run("--db", str(facts), "--out", str(tmp_path))
    late = [
        row for row in zhanaozen_rows() if isinstance(row, FACTS) and getattr(row, "vantage_id", "") == "astana-fixed"
    ]
    with Database.open(str(facts)) as database:
        database.append("astana-fixed", late)
    run("--db", str(facts), "--out", str(tmp_path))
    with Database.open(str(facts)) as database, database.session() as session:
        measured = {row.measurement_id for row in late if type(row).__name__ == "Measurement"}
        assert measured <= set(session.scalars(select(State.measurement_id)).all())


def test_an_empty_database_gives_a_report_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    with Database.open(str(path), create=True) as database, database.session() as session:
        assert session.scalars(select(Cycle)).all() == []
    run("--db", str(path), "--out", str(tmp_path))
    assert "Not enough data." in (tmp_path / "nameblind-report.html").read_text(encoding="utf-8")


def test_one_form_alone_can_be_asked_for_and_a_wrong_one_is_refused(facts: Path, tmp_path: Path) -> None:
    assert run("--db", str(facts), "--out", str(tmp_path / "one"), "--format", "html").endswith(".html")
    assert [path.suffix for path in (tmp_path / "one").iterdir()] == [".html"]
    with pytest.raises(UserError, match="choose one of: html, pdf"):
        run("--db", str(facts), "--out", str(tmp_path / "none"), "--format", "docx")
    assert not (tmp_path / "none").exists()


def test_a_wrong_language_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="choose one of: en"):
        run("--db", str(tmp_path / "missing.db"), "--lang", "de")
