"""A lab that is killed or interrupted leaves no process, no namespace, no device, and no half-written database."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab.conftest import tool

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
    """A `nameblind lab run` at work."""

    process: subprocess.Popen[str]
    mark: bytes
    """Stands in the environment of every process of the run, whatever session or parent it has by now."""
    database: Path

    def processes(self) -> set[int]:
        """Every living process of it."""
        found: set[int] = set()
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if self.mark in environment.read_bytes():  # empty for a process that has ended
                    found.add(int(environment.parent.name))
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


def listed_by_lsns(processes: set[int]) -> set[int]:
    """The network namespaces in which some of these processes are, as lsns knows them."""
    command = [tool("lsns"), "--type", "net", "--json", "--output", "NS,PID"]
    listed = subprocess.run(command, capture_output=True, check=True, text=True, timeout=20)
    return {int(one["ns"]) for one in json.loads(listed.stdout)["namespaces"] if int(one["pid"]) in processes}


@contextmanager
def measuring(folder: Path) -> Iterator[Run]:
    """A run in whose first slot every vantage measures."""
    scenario, database = folder / "long.yaml", folder / "results.db"
    scenario.write_text(SCENARIO, encoding="utf-8")
    command = [sys.executable, "-m", "nameblind", "lab", "run", str(scenario), "--db", str(database)]
    mark = f"NAMEBLIND_TEST_RUN={folder}"
    environment = {**os.environ, "TMPDIR": str(folder), **dict([mark.split("=", 1)])}
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
            yield Run(process, mark.encode() + b"\0", database)
        finally:
            process.kill()


def assert_all_gone(run: Run, namespaces: set[int]) -> None:
    """A namespace, and the device in it, lives as long as a process is in it, holds it open, or has mounted it."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while time.monotonic() < deadline and run.processes():
        time.sleep(0.02)
    assert not run.processes()
    mounted = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    assert not any(f"net:[{namespace}]" in mounted for namespace in namespaces)
    assert not list(run.database.parent.glob("results.db*")), "no half of a database is left"


def test_a_killed_run_leaves_nothing(tmp_path: Path) -> None:
    with measuring(tmp_path) as run:
        processes = run.processes()
        assert len(processes) >= 6, "director, Internet, servers and vantages are at work"
        namespaces, devices = held_by(processes)
        assert len(namespaces) >= 10
        assert len(devices) >= 10
        assert len(namespaces & listed_by_lsns(processes)) >= 3, "those that a vantage is in"
        run.process.send_signal(signal.SIGKILL)
        run.process.wait(GONE_WITHIN_S)
        assert_all_gone(run, namespaces)
        assert held_by(processes) == (set(), set())
        assert not listed_by_lsns(processes)


def test_an_interrupted_run_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C reaches every process of the terminal."""
    with measuring(tmp_path) as run:
        namespaces, _ = held_by(run.processes())
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.process.wait(10) == 130
        assert_all_gone(run, namespaces)
    said = (tmp_path / "errors.txt").read_text(encoding="utf-8")
    assert said.endswith("nameblind: stopped\n")
    assert "Traceback" not in said
    assert not list(tmp_path.glob("nameblind-lab-*")), "what it had begun is put away"
