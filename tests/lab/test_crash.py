"""A lab that is killed or interrupted leaves no process, no namespace, no device, and no half-written database."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab.test_foreign_tools import tool

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.lab

GONE_WITHIN_S = 2.0
START_TIMEOUT_S = 30.0

SCENARIO = """\
family: calm
summary: Nothing happens, for a while.
topology: standard
schedule: standard
slots: {start: 2026-03-02T06:00Z, every: 15m, count: 20}
"""


@dataclass(frozen=True)
class Run:
    """A `nameblind lab run` at work, in a session of its own."""

    process: subprocess.Popen[str]
    database: Path
    namespaces: frozenset[int]
    """The inodes of its network namespaces."""
    devices: frozenset[tuple[int, int]]
    """Whatever of its processes holds a TUN device open, as process and descriptor."""

    def processes(self) -> set[int]:
        return processes_of(self.process.pid)


def processes_of(session: int) -> set[int]:
    """Every living process of a session."""
    found: set[int] = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.add(int(status.parent.name))
    return found


def held_by(processes: set[int]) -> tuple[set[int], set[tuple[int, int]]]:
    """The network namespaces that processes are in or hold open, and the TUN devices that they hold open."""
    namespaces: set[int] = set()
    devices: set[tuple[int, int]] = set()
    for process in processes:
        here = Path("/proc") / str(process)
        for link in (here / "ns/net", *here.glob("fd/*")):
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("net:["):
                namespaces.add(int(target[5:-1]))
            elif target == "/dev/net/tun":
                devices.add((process, int(link.name)))
    return namespaces - {outside()}, devices


def outside() -> int:
    return int(str(Path("/proc/self/ns/net").readlink())[5:-1])


def all_processes() -> set[int]:
    return {int(path.name) for path in Path("/proc").glob("[0-9]*")}


def listed_by_lsns() -> set[int]:
    """The network namespaces of the machine, as lsns knows them."""
    listed = subprocess.run(
        [tool("lsns"), "--type", "net", "--json"], capture_output=True, check=True, text=True, timeout=20
    )
    return {int(one["ns"]) for one in json.loads(listed.stdout)["namespaces"]}


@contextmanager
def measuring(folder: Path) -> Iterator[Run]:
    """A run in whose first slot every vantage measures."""
    scenario, database = folder / "long.yaml", folder / "results.db"
    scenario.write_text(SCENARIO, encoding="utf-8")
    command = [sys.executable, "-m", "nameblind", "lab", "run", str(scenario), "--db", str(database)]
    environment = {**os.environ, "TMPDIR": str(folder)}
    with (
        (folder / "errors.txt").open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, text=True, start_new_session=True, env=environment
        ) as process,
    ):
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not list(folder.glob("nameblind-lab-*/vantage-a.db")):
                assert process.poll() is None, (folder / "errors.txt").read_text(encoding="utf-8")
                assert time.monotonic() < deadline, "no vantage has begun to measure"
                time.sleep(0.05)
            namespaces, devices = held_by(processes_of(process.pid))
            yield Run(process, database, frozenset(namespaces), frozenset(devices))
        finally:
            process.kill()


def assert_all_gone(run: Run) -> None:
    deadline = time.monotonic() + GONE_WITHIN_S
    while time.monotonic() < deadline and (run.processes() or run.namespaces & held_by(all_processes())[0]):
        time.sleep(0.02)
    assert not run.processes()
    assert not run.namespaces & held_by(all_processes())[0]
    assert not run.namespaces & listed_by_lsns()
    assert not run.devices & held_by(all_processes())[1]
    assert not list(run.database.parent.glob("results.db*")), "no half of a database is left"


def test_a_killed_run_leaves_nothing(tmp_path: Path) -> None:
    with measuring(tmp_path) as run:
        assert len(run.processes()) >= 5, "director, Internet, servers and vantages are at work"
        assert len(run.namespaces) >= 10
        assert len(run.namespaces & listed_by_lsns()) >= 3, "those that a vantage is in"
        assert len(run.devices) >= 10
        run.process.send_signal(signal.SIGKILL)
        run.process.wait(GONE_WITHIN_S)
        assert_all_gone(run)


def test_an_interrupted_run_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C reaches every process of the terminal."""
    with measuring(tmp_path) as run:
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.process.wait(10) == 130
        assert_all_gone(run)
    said = (tmp_path / "errors.txt").read_text(encoding="utf-8")
    assert said.endswith("nameblind: stopped\n")
    assert "Traceback" not in said
    assert not list(tmp_path.glob("nameblind-lab-*")), "what it had begun is put away"


def test_a_terminated_run_leaves_nothing(tmp_path: Path) -> None:
    with measuring(tmp_path) as run:
        run.process.terminate()
        run.process.wait(10)
        assert_all_gone(run)


def test_a_lab_whose_internet_dies_ends_at_once_and_without_a_database(tmp_path: Path) -> None:
    with measuring(tmp_path) as run:
        carrying = {process for process, _ in run.devices}
        assert len(carrying) == 1, "one process carries all packets"
        os.kill(*carrying, signal.SIGKILL)
        assert run.process.wait(10) not in {0, 130}
        assert_all_gone(run)
    assert re.search(
        r"process of the lab|the lab's Internet ended", (tmp_path / "errors.txt").read_text(encoding="utf-8")
    )
