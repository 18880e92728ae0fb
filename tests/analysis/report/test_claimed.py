"""Claims in a report: what somebody said, what became of it, and nothing of their files alive on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analysis.analyse import analyse
from analysis.claims.claim import read_claim
from analysis.claims.weigh import weigh
from analysis.reading import read_vantages
from analysis.report.write import write_reports
from probe.store.database import Database
from tests.analysis.fact_builder import CycleBuilder, failed, plus_pairs, reached, sentinel_cycle, store

if TYPE_CHECKING:
    from pathlib import Path

NEWS = "news.example.com"
FILE = """\
who: "<script>alert(1)</script>"
source: A newspaper
said: 2026-01-02
quote: The cables were damaged.
cause: {cause}
scopes:
  - {{begins: 2020-01-01, ends: 2030-01-01, services: [news]}}
  - {{begins: 2020-01-01, ends: 2030-01-01, regions: [Nowhere]}}
"""


@pytest.fixture
def blocked(tmp_path: Path) -> Database:
    """One name blocked at two vantages of one place, all the time."""
    cycles = []
    for index in range(4):
        for name in ("one", "two"):
            builder = CycleBuilder(vantage=name, index=index, region="Almaty").controls().portal_check()
            cycles.append(builder.add(NEWS, failed("tls"), service="news", pairs=plus_pairs(6)).build())
        cycles.append(sentinel_cycle(reached(), index=index))
    database = Database.open(str(tmp_path / "facts.db"), create=True)
    store(database, cycles)
    return database


@pytest.mark.parametrize(("cause", "word"), [("damage", "Contradicted"), ("selective-blocking", "Supported")])
@pytest.mark.parametrize("form", ["html", "pdf"])
def test_a_claim_is_set_against_the_events(blocked: Database, tmp_path: Path, cause: str, word: str, form: str) -> None:
    path = tmp_path / "claim.yaml"
    path.write_text(FILE.format(cause=cause), encoding="utf-8")
    claim = read_claim(path)
    with blocked as database:
        found = analyse(database)
        with database.session() as session:
            weighed = [(claim, weigh(claim, found, read_vantages(session)))]
        (written,) = write_reports(database, tmp_path / "out", forms=(form,), claims=weighed)
        (plain,) = write_reports(database, tmp_path / "plain", forms=(form,))
    if form == "pdf":
        assert written.read_bytes()[:5] == b"%PDF-"
        assert len(written.read_bytes()) > len(plain.read_bytes())
        return
    page = written.read_text(encoding="utf-8")
    assert f"<strong>{word}</strong>" in page
    assert "<strong>Cannot be said</strong>" in page, "nothing was measured in Nowhere"
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert 'id="claims"' not in plain.read_text(encoding="utf-8")
