"""Namespaces: made without a trace, left without one, and never mistaken for the outside."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.inside import Inside
from lab.namespace import Namespace, current_identity, entered, identity

if TYPE_CHECKING:
    from tests.lab.conftest import Hosts

pytestmark = pytest.mark.lab

RUN_A_LAB = """
import time
from datetime import datetime, UTC
from lab.running import running
from lab.topology_file import load
from lab.namespace import identity

if __name__ == "__main__":
    with running(load("standard"), seed=1, at=datetime.now(UTC)) as lab:
        shell = lab.spawn("vantage-a", ["sleep", "600"])
        print(*(identity(namespace.path)[1] for namespace in lab.namespaces.values()), flush=True)
        time.sleep(600)
"""


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


def namespaces_in_use() -> set[int]:
    """The network namespaces that some process is in, or holds open."""
    found: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        for link in (process / "ns/net", *process.glob("fd/*")):
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("net:["):
                found.add(int(target[5:-1]))
    return found


def test_a_killed_lab_leaves_no_process_and_no_namespace(tmp_path: Path) -> None:
    script = tmp_path / "run_a_lab.py"
    script.write_text(RUN_A_LAB, encoding="utf-8")
    command = [sys.executable, str(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as lab:
        try:
            assert lab.stdout is not None
            inodes = {int(word) for word in lab.stdout.readline().split()}
            assert len(inodes) > 10
            assert inodes <= namespaces_in_use()
            assert len(processes_of(lab.pid)) >= 4, "director, Internet, servers and the sleeper live"
        finally:
            lab.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while (processes_of(lab.pid) or inodes & namespaces_in_use()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not processes_of(lab.pid)
    assert not inodes & namespaces_in_use()


def test_a_namespace_is_empty_and_entering_it_is_undone() -> None:
    outside = current_identity()
    namespace = Namespace.make()
    try:
        with entered(namespace.path):
            assert current_identity() == identity(namespace.path) != outside
            assert [name for _, name in socket.if_nameindex()] == ["lo"]
        assert current_identity() == outside
    finally:
        namespace.close()


def test_entering_moves_the_calling_thread_alone() -> None:
    outside = current_identity()
    seen: list[tuple[int, int]] = []
    namespace = Namespace.make()
    try:
        gate = threading.Event()
        other = threading.Thread(target=lambda: (gate.wait(), seen.append(current_identity())))
        other.start()
        with entered(namespace.path):
            gate.set()
            other.join()
        assert seen == [outside]
    finally:
        namespace.close()


def test_becoming_a_host_refuses_to_stay_outside() -> None:
    outside = Inside(host="nowhere", namespace_path="/proc/self/ns/net", nameserver=None, outside=current_identity())
    with pytest.raises(RuntimeError, match="not inside the lab"):
        outside.become()


def test_a_program_inside_sees_its_own_interface_resolver_and_no_way_out(hosts: Hosts) -> None:
    script = "cat /proc/net/dev /etc/resolv.conf /etc/hosts /etc/nsswitch.conf"
    with hosts.lab.spawn("vantage-a", ["sh", "-c", script], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        seen = program.stdout.read()
    interfaces = {line.split(":")[0].strip() for line in seen.splitlines() if ":" in line and "|" not in line}
    assert {"lo", "tun0"} <= interfaces
    assert not {name for name in interfaces if name.startswith(("eth", "en", "wl"))}
    assert "nameserver 2.72.0.53\n" in seen
    assert "hosts: files dns\n" in seen
    assert "nameserver 2.72" not in Path("/etc/resolv.conf").read_text(encoding="utf-8"), "only inside"


def test_the_exit_status_of_a_program_inside_is_its_own(hosts: Hosts) -> None:
    assert hosts.lab.spawn("vantage-b", ["sh", "-c", "exit 7"]).wait() == 7


def test_no_descriptor_of_the_lab_leaks_into_a_program_inside(hosts: Hosts) -> None:
    with hosts.lab.spawn("vantage-a", ["ls", "-l", "/proc/self/fd"], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        opened = program.stdout.read()
    assert "pipe:[" in opened, "its own output"
    assert "net:[" not in opened
    assert "/dev/net/tun" not in opened
