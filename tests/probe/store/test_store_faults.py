"""What the power, the disk and the kernel do to a writer."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from probe.store import chain
from probe.store.connection import connect, locate
from probe.store.database import Database
from probe.store.models import Cycle, State
from probe.store.writing import WriteFailedError, transaction
from tests.probe.store.example_facts import blobs, full_cycle, vantage

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
KILLS = 30


def killed(work: Callable[[int], None], *, after_lines: int, after_s: float) -> list[int]:
    """Run ``work`` in a process of its own, kill it, and give the numbers that it had acknowledged.

    It is killed ``after_s`` after its line number ``after_lines``. The process
    is forked, so that thirty of them take seconds; it opens the database itself.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        work(writing)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        first = [pipe.readline() for _ in range(after_lines)]
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return [int(line) for line in [*first, *pipe]]


def cycles(database: Database) -> int:
    with database.session() as session:
        return session.scalar(select(func.count()).select_from(Cycle)) or 0


def assert_whole(database: Database) -> None:
    with database.session() as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert session.connection().exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert chain.verify(session) == []


def test_no_acknowledged_row_is_lost_when_the_writer_is_killed_again_and_again(path: str) -> None:
    with Database.open(path, create=True) as database:
        database.append("almaty", [vantage()])
    stored = 0

    def append_for_ever(writing: int) -> None:
        with Database.open(path) as database, database.claim():
            for number in range(stored + 1, 10**6):
                database.append("almaty", full_cycle(number), blobs())
                os.write(writing, b"%d\n" % number)

    rng = Random(2011)
    for _ in range(KILLS):
        acknowledged = killed(append_for_ever, after_lines=rng.randint(1, 3), after_s=rng.uniform(0, 0.02))
        with Database.open(path) as database:
            stored = cycles(database)
            assert stored in {
                acknowledged[-1],
                acknowledged[-1] + 1,
            }  # the last one may have been written and not yet acknowledged
    with Database.open(path) as database:
        assert_whole(database)


def test_a_creation_that_is_killed_leaves_nothing_or_a_whole_database(tmp_path: Path) -> None:
    rng = Random(1216)
    outcomes = set()
    for number in range(KILLS // 3):
        place = tmp_path / f"{number}.db"

        def create(writing: int, place: Path = place) -> None:
            Database.open(str(place), create=True).close()
            os.write(writing, b"1\n")
            time.sleep(10)

        killed(create, after_lines=0, after_s=rng.uniform(0.0, 0.15))
        outcomes.add(place.exists())
        with Database.open(str(place), create=True) as database:
            database.append("almaty", [vantage(), *full_cycle(0)], blobs())
            assert_whole(database)
    assert False in outcomes  # otherwise every one was killed too late to tell


FILL_THE_DISK = """
import json, os, sys
from probe.store import chain
from probe.store.database import Database
from probe.store.writing import WriteFailedError
from tests.probe.store.example_facts import blobs, full_cycle, vantage
database = Database.open(sys.argv[1], create=True)
database.append("almaty", [vantage()])
for number in range(10**6):
    try:
        database.append("almaty", full_cycle(number), blobs())
    except WriteFailedError as error:
        print(json.dumps([number, error.is_disk_full, str(error)]))
        break
os.remove(sys.argv[2])
database.append("almaty", full_cycle(number), blobs())
print("written after room was made")
database.close()
sys.stdout.flush()
with Database.open(sys.argv[1]) as database, database.session() as session:
    print(chain.verify(session), chain.ends(session)["almaty"].chain_seq)
    print(session.connection().exec_driver_sql("PRAGMA integrity_check").scalar_one())
"""


def test_a_full_disk_rolls_back_is_named_and_writing_goes_on_once_there_is_room(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "true"], check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    script = (
        'mount -t tmpfs -o size=2m tmpfs "$1" && head -c 300000 /dev/zero > "$1/filler" '
        '&& exec "$2" -c "$3" "$1/results.db" "$1/filler"'
    )
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FILL_THE_DISK]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    refused, resumed, verified, integrity = done.stdout.splitlines()
    number, is_disk_full, sentence = json.loads(refused)
    assert is_disk_full
    assert "the disk is full" in sentence
    assert resumed == "written after room was made"
    assert verified == f"[] {1 + (number + 1) * len(full_cycle(0))}"
    assert integrity == "ok"


def test_a_write_that_the_kernel_refuses_is_named_and_leaves_what_was_there(path: str) -> None:
    with Database.open(path, create=True) as database:
        database.append("almaty", [vantage()])
        appended = 0
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
        try:
            while True:
                database.append("almaty", full_cycle(appended), blobs())
                appended += 1
        except WriteFailedError as error:
            failed = error
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "the storage reported an error" in str(failed)
        assert not failed.is_disk_full
        assert cycles(database) == appended > 0
        database.append("almaty", full_cycle(appended), blobs())
        assert_whole(database)


def test_a_writer_that_waits_too_long_for_another_is_told_so(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.store.connection.BUSY_TIMEOUT_S", 0.05)
    Database.open(path, create=True).close()
    holder = connect(locate(path))
    with (
        transaction(holder),
        Database.open(path) as database,
        pytest.raises(WriteFailedError, match="another program keeps it locked"),
    ):
        database.append("almaty", [vantage()])
    holder.dispose()


def test_what_is_deleted_leaves_no_trace_in_any_file(path: str) -> None:
    """Only conclusions can be deleted; the marker is in one, and none of its bytes may stay."""
    marker = "Zhanaozen-marker-7f3a"
    with Database.open(path, create=True) as database:
        database.append("almaty", [vantage(), *full_cycle(0)], blobs())
        database.replace_conclusions(
            [State(measurement_id="almaty.0.m1", state="ok", mechanisms=[], reason=marker)],
        )
        assert any(marker.encode() in file.read_bytes() for file in Path(path).parent.iterdir())
        database.replace_conclusions([])
    assert not any(marker.encode() in file.read_bytes() for file in Path(path).parent.iterdir())
