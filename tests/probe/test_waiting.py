"""``nameblind run`` as a person runs it, in a namespace without any network: what waits, what ends, what survives.

Nothing can leave the namespace, so these tests are also those of a vantage that is offline.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from sqlalchemy import select

from probe import apart
from probe.consent import stored
from probe.itself.secret import FILE_NAME
from probe.schedule.loader import load
from probe.store import chain, models
from probe.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCHEDULE = """
name: offline
vantage: {country: ZZ, name: v}
resolvers: [{name: system, transport: system}, {name: udp, transport: udp, address: 9.9.9.9}]
cadence: 1m
jitter: 0s
limits: {dns_timeout_s: 1, tcp_timeout_s: 1, retries: 1}
controls: {abroad: [https://control.example/]}
services: {social: {targets: [https://social.example/]}}
"""
HEAVY = ("cryptography", "httpx", "dns", "aioquic", "scapy", "pydantic_core", "yaml")


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """``nameblind run``, with consent, on a schedule of a minute; ended at the end."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rn", "true"], check=False).returncode:
        pytest.skip("no network namespace can be made here")
    (tmp_path / "schedule.yaml").write_text(SCHEDULE)
    stored.write(tmp_path / "state" / "nameblind", stored.consent_now(datetime.now(UTC), "en"))
    command = ["unshare", "-rn", sys.executable, "-m", "nameblind", "run"]
    command += ["--schedule", str(tmp_path / "schedule.yaml"), "--db", str(tmp_path / "results.db")]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def until(is_so: Callable[[], bool], timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def line_of(probe: subprocess.Popen[str], part: str) -> str:
    """Read what it says up to a line with ``part`` in it."""
    assert probe.stdout is not None
    for line in probe.stdout:
        if part in line:
            return line
    raise AssertionError(f"it ended without saying {part!r}")


def rows(tmp_path: Path) -> dict[str, list[models.Base]]:
    with Database.open(str(tmp_path / "results.db")) as database, database.session() as session:
        assert chain.verify(session) == []
        tables = (models.Cycle, models.CycleEnd, models.LinkSample, models.SelfCheck)
        return {table.__tablename__: list(session.scalars(select(table))) for table in tables}


def cycle_of(probe: subprocess.Popen[str]) -> psutil.Process:
    """Wait for the process of a cycle."""
    found: list[psutil.Process] = []

    def is_there() -> bool:
        found[:] = [
            child for child in psutil.Process(probe.pid).children() if "probe.apart_child" in " ".join(child.cmdline())
        ]
        return bool(found)

    until(is_there)
    return found[0]


def test_it_waits_light_records_offline_and_ends_within_five_seconds(
    probe: subprocess.Popen[str], tmp_path: Path
) -> None:
    line_of(probe, "cycle done")
    until(lambda: not psutil.Process(probe.pid).children())
    maps = Path(f"/proc/{probe.pid}/maps").read_text()
    assert not [name for name in HEAVY if f"/{name}/" in maps]
    asked_at = time.monotonic()
    probe.send_signal(signal.SIGTERM)
    assert probe.wait() == 0
    assert time.monotonic() - asked_at < 5
    found = rows(tmp_path)
    own = [row for row in found["link_sample"] if row.cycle_id is None]  # type: ignore[attr-defined]
    assert [(row.has_default_route, row.last_hop_answering) for row in own] == [(False, None)]  # type: ignore[attr-defined]
    assert len(found["link_sample"]) == 1 + 2 * len(found["cycle"])
    assert len(found["self_check"]) == len(found["cycle"]) == len(found["cycle_end"]) >= 1
    key = (tmp_path / "state" / "nameblind" / FILE_NAME).read_bytes()
    for file in tmp_path.glob("results.db*"):
        assert key not in file.read_bytes()
        assert key.hex().encode() not in file.read_bytes()


def test_a_cycle_that_is_killed_costs_that_cycle_and_not_the_probe(
    probe: subprocess.Popen[str], tmp_path: Path
) -> None:
    line_of(probe, "Measuring every 1 minutes")
    cycle_of(probe).kill()
    assert "ended by signal 9" in line_of(probe, "no whole cycle")
    assert probe.poll() is None
    probe.send_signal(signal.SIGINT)
    assert probe.wait() == 0
    rows(tmp_path)


def test_a_cycle_ends_with_the_probe_that_is_killed(probe: subprocess.Popen[str], tmp_path: Path) -> None:
    line_of(probe, "Measuring every 1 minutes")
    cycle = cycle_of(probe)
    cycle.suspend()  # offline, a cycle is over before one could kill the probe
    probe.kill()
    probe.wait()
    cycle.resume()
    cycle.wait(timeout=10)
    found = rows(tmp_path)
    assert len(found["cycle"]) == len(found["cycle_end"])
    assert {row.outcome for row in found["cycle_end"]} <= {"interrupted"}  # type: ignore[attr-defined]


def test_a_cycle_is_refused_once_consent_is_withdrawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before the first packet, by the process that would send it."""
    (tmp_path / "schedule.yaml").write_text(SCHEDULE)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    plan = load(tmp_path / "schedule.yaml")
    with pytest.raises(apart.WithoutConsentError, match="no consent has been given"):
        asyncio.run(apart.CyclesApart(plan, str(tmp_path / "results.db"))(slot_at=datetime.now(UTC)))
    assert not (tmp_path / "results.db").exists()


def test_nothing_is_begun_without_consent(tmp_path: Path) -> None:
    (tmp_path / "schedule.yaml").write_text(SCHEDULE)
    command = [sys.executable, "-m", "nameblind", "run", "--schedule", str(tmp_path / "schedule.yaml")]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    tried = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert tried.returncode == 1
    assert "no consent has been given on this machine" in tried.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["schedule.yaml"]


def test_a_wrong_schedule_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "schedule.yaml").write_text(SCHEDULE.replace("cadence: 1m", "cadence: 1 minute"))
    command = [sys.executable, "-m", "nameblind", "run", "--schedule", "schedule.yaml"]
    tried = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert tried.returncode == 1
    assert tried.stderr.count("\n") == 1
    assert "key 'cadence'" in tried.stderr
