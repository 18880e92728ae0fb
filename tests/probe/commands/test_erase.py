"""Erased is erased: not in the database, its log, its side files, or the state folder."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from probe.clock import SystemClock
from probe.consent import stored
from probe.private_file import write_private
from probe.store.database import Database

MARKER = "marker-of-a-volunteer"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder in which a probe was killed: its log is not folded in."""
    write = (
        "import os, sys\n"
        "from probe.store.database import Database\n"
        "from tests.probe.store.example_facts import vantage\n"
        f"store = Database.open('results.db', create=True)\n"
        f"store.append('almaty', [vantage('almaty', region={MARKER!r})])\n"
        "os._exit(9)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", write], cwd=tmp_path, env=environment, check=False, timeout=60)
    state = tmp_path / "state" / "nameblind"
    stored.write(state, stored.consent_now(SystemClock().now(), "en"))
    write_private(state / "uplink.key", MARKER.encode())
    assert (tmp_path / "results.db-wal").stat().st_size > 0
    assert _hits(tmp_path)
    return tmp_path


def _hits(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and MARKER.encode() in path.read_bytes()]


def erase(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"XDG_STATE_HOME": str(folder / "state")}
    return subprocess.run(
        [sys.executable, "-m", "nameblind", "erase", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_marker_that_was_stored_is_nowhere_afterwards(kept: Path) -> None:
    names = [path.open("rb") for path in _hits(kept)]  # what a reader who has them open still sees
    done = erase(kept, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "results.db-wal" in done.stdout
    assert "remnants" in done.stdout
    assert _hits(kept) == []
    assert list(kept.glob("results.db*")) == []
    assert not (kept / "state" / "nameblind").exists()
    for file in names:
        assert MARKER.encode() not in file.read()
        file.close()


def test_without_a_terminal_and_without_yes_nothing_is_erased(kept: Path) -> None:
    done = erase(kept)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert _hits(kept)


@pytest.mark.parametrize(("typed", "is_erased"), [("erase\n", True), ("yes\n", False), ("\n", False)])
def test_on_a_terminal_the_word_is_asked_for(kept: Path, typed: str, *, is_erased: bool) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    environment = os.environ | {"XDG_STATE_HOME": str(kept / "state")}
    asked = subprocess.Popen(
        [sys.executable, "-m", "nameblind", "erase"], cwd=kept, env=environment, stdin=theirs,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert asked.wait(timeout=60) == (0 if is_erased else 1)
    os.close(ours)
    os.close(theirs)
    assert (_hits(kept) == []) is is_erased


def test_a_running_probe_and_another_programs_file_are_left_alone(kept: Path) -> None:
    with Database.open(str(kept / "results.db")) as store, store.claim():
        done = erase(kept, "--yes")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert _hits(kept)
    (kept / "letters.db").write_text("SQLite format 3\0" + "mine" * 100)
    done = erase(kept, "--db", "letters.db", "--yes")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "mine" in (kept / "letters.db").read_text()


def test_nothing_to_erase_is_no_mistake(tmp_path: Path) -> None:
    done = erase(tmp_path, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
