"""Test lists as schedules: what a schedule may hold goes in, what it may not is named, and what comes out loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nameblind.cli import main
from probe.schedule.loader import load

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

HEAD = "url,category_code,category_description,date_added,source,notes\n"
LIST = (
    HEAD
    + """\
https://www.azattyq.org/,NEWS,News Media,2014-04-15,citizenlab,
http://www.azattyq.org/,NEWS,News Media,2014-04-15,citizenlab,
http://пример.рф/путь,NEWS,"News: Media, 'quoted' #1",2014-04-15,citizenlab,
https://www.azattyq.org/,NEWS,News Media,2014-04-15,citizenlab,
http://192.168.1.1/,NEWS,News Media,2014-04-15,citizenlab,
ftp://x.com/,GRP,Social,2014-04-15,a,b
https://x.com/,GRP,Social
https://user:secret@x.com/,GRP,Social,2014-04-15,a,b
https://x.com/a?no=NO,GRP,Social,2014-04-15,a,
"""
)


def test_a_list_becomes_a_schedule_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kz.csv").write_text(LIST)
    assert main(["import", "targets", str(tmp_path / "kz.csv"), "--out", str(tmp_path / "kz.yaml")]) == 0
    schedule = load(tmp_path / "kz.yaml")
    assert [target.url for target in schedule.targets if target.kind == "target"] == [
        "https://www.azattyq.org/",
        "http://www.azattyq.org/",
        "http://xn--e1afmkfd.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C",
        "https://x.com/a?no=NO",
    ]
    told = capsys.readouterr().out
    assert "4 target(s) written" in told
    for line in (5, 6, 7, 8, 9):
        assert f"kz.csv:{line}: " in told


def test_categories_choose(tmp_path: Path) -> None:
    (tmp_path / "kz.csv").write_text(LIST)
    out = tmp_path / "kz.yaml"
    assert main(["import", "targets", str(tmp_path / "kz.csv"), "--category", "GRP", "--out", str(out)]) == 0
    assert [t.url for t in load(out).targets if t.kind == "target"] == ["https://x.com/a?no=NO"]


def test_nothing_is_written_over_and_nothing_half(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kz.csv").write_text(LIST)
    (tmp_path / "kz.yaml").write_text("mine")
    assert main(["import", "targets", str(tmp_path / "kz.csv"), "--out", str(tmp_path / "kz.yaml")]) == 1
    assert (tmp_path / "kz.yaml").read_text() == "mine"
    (tmp_path / "long.csv").write_text(HEAD + "".join(f"https://a{n}.example.com/,X,x,2014,s,\n" for n in range(501)))
    (tmp_path / "other.csv").write_text("name,address\n")
    for name, says in (
        ("long.csv", "500 at most"),
        ("other.csv", "expected the columns"),
        ("no.csv", "cannot be read"),
    ):
        assert main(["import", "targets", str(tmp_path / name), "--out", str(tmp_path / "new.yaml")]) == 1
        assert says in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kz.csv", "kz.yaml", "long.csv", "other.csv"]
