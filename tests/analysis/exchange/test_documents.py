"""Files that strangers wrote: every document is given or refused with its reason, at a bounded cost."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from analysis.exchange import documents as module
from analysis.exchange.documents import Document, Refused, documents, files_of
from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> tuple[list[object], list[str]]:
    found = list(documents(path))
    return [d.value for d in found if isinstance(d, Document)], [d.reason for d in found if isinstance(d, Refused)]


@pytest.mark.parametrize(
    "text",
    ['{"a": 1}', '{\n "a": 1\n}\n', '[{"a": 1}]', '{"a": 1}\n', '\n{"a": 1}\n\n', '[\n{"a": 1}\n]'],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_one_document_is_read_however_it_is_laid_out(text: str, is_packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(gzip.compress(text.encode()) if is_packed else text.encode())
    assert read(path) == ([{"a": 1}], [])


def test_a_bad_line_stops_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\nnot json\n{"a": NaN}\n{"a": 2}\n{"a": ')
    values, reasons = read(path)
    assert values == [{"a": 1}, {"a": 2}]
    assert len(reasons) == 3
    assert "NaN is no number of JSON" in reasons[1]


def test_a_bad_first_line_stops_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": \n{"a": 1}\n{"a": 2}\n')
    values, reasons = read(path)
    assert values == [{"a": 1}, {"a": 2}]
    assert len(reasons) == 1


@pytest.mark.parametrize("depth", [65, 5_000, 200_000])
def test_a_deep_document_is_refused(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a":' * depth + "1" + "}" * depth)
    values, reasons = read(path)
    assert values == []
    assert "levels deep" in reasons[0]


def test_an_endless_line_is_refused_and_the_next_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DOCUMENT_BYTES", 1_000)
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n' + json.dumps({"a": "x" * 5_000}) + '\n{"a": 2}\n')
    values, reasons = read(path)
    assert values == [{"a": 1}, {"a": 2}]
    assert len(reasons) == 1


def test_a_bomb_is_refused_at_a_bounded_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FREE_BYTES", 1_000_000)
    monkeypatch.setattr(module, "MAX_DOCUMENT_BYTES", 500_000)
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as packed:
        for _ in range(80):
            packed.write(b" " * 1_000_000)
    tracemalloc.start()
    values, reasons = read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values == []
    assert "far more than its size can honestly hold" in reasons[-1]
    assert peak < 8_000_000


def test_a_torn_gzip_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    lines = "".join(json.dumps({"a": n, "b": "y" * (n % 97)}) + "\n" for n in range(3_000))
    path.write_bytes(gzip.compress(lines.encode())[:-3_000])
    values, reasons = read(path)
    assert 100 < len(values) < 3_000
    assert len(reasons) == 1


def test_folders_are_walked_in_order_and_what_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/2.jsonl", "1.json", "readme.txt", "b/3.gz"):
        (tmp_path / name).write_text("{}")
    assert [p.name for p in files_of([tmp_path])] == ["1.json", "2.jsonl", "3.gz"]
    with pytest.raises(UserError, match="does not exist"):
        files_of([tmp_path / "nothing.json"])
