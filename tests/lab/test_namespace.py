"""Namespaces: made without a trace, left without one, and never mistaken for the outside."""

from __future__ import annotations

import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.inside import Inside
from lab.namespace import Namespace, current_identity, entered, identity

if TYPE_CHECKING:
    from tests.lab.conftest import Hosts

pytestmark = pytest.mark.lab


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
