"""A running lab: its namespaces, its two processes, and the way into its hosts.

::

    with running(topology, seed=1, at=start) as lab:
        lab.apply(conditions)
        lab.inside("vantage")      # for a process of ours to become that host
        lab.spawn("vantage", ["curl", "https://example.org"])

Everything ends with the block, and with this process if it dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab import wires
from lab.inside import Inside
from lab.namespace import Namespace, current_identity, require_permission
from lab.servers import process as server_process
from lab.tun import open_tun
from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext, ForkServerProcess
    from pathlib import Path

    from lab.conditions import Conditions
    from lab.servers.process import Identities
    from lab.topology import Topology

PRELOADED = (
    "lab.inside",
    "lab.servers.process",
    "lab.wires",
    "pyroute2",
    "probe.cycle",
    "probe.store.database",
)
"""Imported once by the fork server, so that a process starts in milliseconds."""

START_TIMEOUT_S = 60.0
"""Until both processes are ready; they need about one second."""

OBEY_TIMEOUT_S = 20.0
"""Until new conditions hold; they need milliseconds."""

_END_TIMEOUT_S = 3.0
_PR_SET_PDEATHSIG = 1


def fork_server() -> ForkServerContext:
    """Give the context from which the lab's processes are started."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


class Worker:
    """One process of ours, and our end of its pipe."""

    def __init__(self, name: str, target: Callable[..., None], *arguments: object) -> None:
        context = fork_server()
        self.pipe: Connection[Any, Any]
        self.pipe, theirs = context.Pipe()
        self.name = name
        self.process: ForkServerProcess = context.Process(
            target=target, args=(theirs, *arguments), name=name, daemon=True
        )
        self.process.start()
        theirs.close()

    def receive(self, timeout_s: float) -> Any:
        """Wait for its next message. Raises RuntimeError if it ends or keeps silent instead."""
        try:
            if self.pipe.poll(timeout_s):
                return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join(_END_TIMEOUT_S)
            raise RuntimeError(f"{self.name} ended with status {self.process.exitcode}") from None
        raise RuntimeError(f"{self.name} did not answer within {timeout_s:g} s")

    def end(self) -> None:
        """End it, gently if that is quick."""
        self.pipe.close()
        self.process.terminate()
        self.process.join(_END_TIMEOUT_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab. Made by :func:`running`."""

    topology: Topology
    namespaces: dict[str, Namespace]
    identities: Identities
    outside: tuple[int, int]
    at: datetime
    """When it begins, by the scenario's clock."""
    _internet: Worker
    _servers: Worker

    @property
    def sentinels(self) -> tuple[int, ...]:
        """Give what becomes ready when one of the lab's own processes ends: for ``multiprocessing.connection.wait``."""
        return self._internet.process.sentinel, self._servers.process.sentinel

    @property
    def internet_pid(self) -> int:
        """Give the process that carries the packets."""
        pid = self._internet.process.pid
        assert pid is not None
        return pid

    def apply(self, conditions: Conditions, *, at: datetime | None = None, is_fresh: bool = True) -> None:
        """Let other conditions hold; they do when this returns.

        ``at`` is what the scenario's clock shows; with ``is_fresh``, boxes and queues begin anew.
        """
        self._internet.pipe.send(wires.Apply(conditions, at or self.at, is_fresh))
        self._servers.pipe.send(conditions)
        for worker in (self._internet, self._servers):
            worker.receive(OBEY_TIMEOUT_S)

    def counts(self) -> dict[str, tuple[int, int]]:
        """Give for every box in force, by its placement's name, the packets that it saw and those that it acted on."""
        self._internet.pipe.send(wires.Count())
        counts: dict[str, tuple[int, int]] = self._internet.receive(OBEY_TIMEOUT_S)
        return counts

    def inside(self, host: str) -> Inside:
        """Give the way into a host. Raises UserError if there is no such host."""
        if host not in self.namespaces:
            raise UserError(f"this lab has no host {host!r}: choose one of {', '.join(self.namespaces)}")
        nameservers = self.topology.resolver_addresses(host)
        return Inside(
            host=host,
            namespace_path=self.namespaces[host].path,
            nameserver=str(nameservers[0]) if nameservers else None,
            outside=self.outside,
        )

    def spawn(self, host: str, command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start any program inside a host; ``options`` are those of Popen. It ends when we end."""
        inside = self.inside(host)

        def enter() -> None:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            inside.become()

        return subprocess.Popen(command, preexec_fn=enter, **options)  # noqa: PLW1509, S603 - the child must move before exec; the user's own command


def require_lab() -> None:
    """Raise UserError, saying what is missing, where this machine does not permit a lab. Sends nothing.

    To be called before the process starts any thread, a progress bar's included:
    who is not root gets a user namespace here, and only a process without threads may enter one.
    """
    require_permission(open_tun)


@contextlib.contextmanager
def running(
    topology: Topology, *, seed: int, at: datetime, captures: Mapping[str, Path] | None = None
) -> Iterator[Lab]:
    """Run a lab. ``at`` is the time at which its certificates must be valid. Raises UserError where not permitted.

    ``captures`` names links, and for each the file into which all that it carries goes (pcap).
    """
    require_lab()
    outside = current_identity()
    with contextlib.ExitStack() as stack:
        namespaces: dict[str, Namespace] = {}
        for host in topology.hosts:
            namespaces[host] = Namespace.make()
            stack.callback(namespaces[host].close)
        paths = {host: namespace.path for host, namespace in namespaces.items()}
        internet = Worker("the lab's Internet", wires.carry, topology, paths, seed, captures or {})
        stack.callback(internet.end)
        serving = Worker("the lab's servers", server_process.serve, topology, paths, at, seed)
        stack.callback(serving.end)
        internet.receive(START_TIMEOUT_S)
        serving.pipe.send(True)
        identities = serving.receive(START_TIMEOUT_S)
        yield Lab(topology, namespaces, identities, outside, at, internet, serving)
        if captures:
            internet.pipe.send(wires.Finish())
            for notice in internet.receive(OBEY_TIMEOUT_S):
                sys.stderr.write(f"{notice}\n")
