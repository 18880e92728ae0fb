"""The pages of `docs/` make a site without a warning: no link is dead, and every page is in a table of contents."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def build(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--builder", "html"]
    return subprocess.run([*command, str(source), str(out)], capture_output=True, text=True, check=False)


def test_the_pages_make_a_site_without_a_warning(tmp_path: Path) -> None:
    made = build(DOCS, tmp_path / "site")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "site" / "start-advocate.html").is_file()


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "conf.py").write_text((DOCS / "conf.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "docs" / "index.md").write_text("# A page\n\n[nowhere](nowhere.md)\n", encoding="utf-8")
    made = build(tmp_path / "docs", tmp_path / "site")
    assert made.returncode != 0
    assert "nowhere" in made.stderr
