"""One running lab for all tests that need real packets, and ways to use it from inside a host."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lab import disasters, middleboxes, orders, topology_file
from lab.conditions import Conditions, Lie, Moment, peace
from lab.namespace import entered, require_permission
from lab.registry import kinds
from lab.running import Lab, running
from lab.station import Placement
from lab.tun import open_tun
from probe.errors import UserError
from probe.schedule.yaml_reader import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime.now(UTC)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("lab") is None:
        return
    try:
        require_permission(open_tun)
    except UserError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"under CI the lab's tests must run: {missing}")
        pytest.skip(str(missing))


@dataclass
class Hosts:
    """A running lab, used from inside its hosts."""

    lab: Lab

    @property
    def calm(self) -> Conditions:
        return peace(self.lab.topology)

    def censor(self, kind: str, yaml: str, *, router: str, networks: tuple[str, ...] = (), **how: Any) -> None:
        """Put one middlebox of a kind at a router, and nothing else; ``how`` are further fields of its placement."""
        box = parse(yaml.encode(), "test.yaml", kinds(middleboxes)[kind].record)
        placement = Placement(name="test", router=router, networks=frozenset(networks), box=box, **how)
        self.lab.apply(self.calm.with_boxes([placement]))

    def strike(self, kind: str, yaml: str, *, after: timedelta = timedelta()) -> None:
        """Let one disaster or order of a kind happen, and nothing else, and look at it some time after its onset."""
        change = parse(yaml.encode(), "test.yaml", {**kinds(disasters), **kinds(orders)}[kind].record)
        self.lab.apply(change(self.calm, Moment(topology=self.lab.topology, elapsed=after, name="test")))

    def lie(self, lie: Lie) -> None:
        self.lab.apply(replace(self.calm, lies=(lie,)))

    def socket(self, host: str, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
        with entered(self.lab.namespaces[host].path):
            made = socket.socket(family, kind)
        made.settimeout(2.0)
        return made

    @contextlib.contextmanager
    def connected(self, host: str, address: str, port: int) -> Iterator[socket.socket]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.socket(host, family) as made:
            made.connect((address, port))
            yield made

    @contextlib.contextmanager
    def secured(self, host: str, address: str, name: str, *, port: int = 443) -> Iterator[ssl.SSLSocket]:
        """A TLS connection whose chain was verified against the lab's root."""
        context = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(self.lab.identities.root))
        with (
            self.connected(host, address, port) as connection,
            context.wrap_socket(connection, server_hostname=name) as secure,
        ):
            yield secure

    def fetch(self, host: str, address: str, name: str, path: str = "/") -> bytes:
        """A plain HTTP exchange."""
        with self.connected(host, address, 80) as connection:
            return exchange(connection, name, path)

    def ask(self, host: str, resolver: str, query: bytes, wait_s: float = 0.6) -> list[bytes]:
        """Every datagram that answers a DNS query."""
        answers: list[bytes] = []
        with self.socket(host, kind=socket.SOCK_DGRAM) as asking:
            asking.settimeout(wait_s)
            asking.connect((resolver, 53))
            asking.send(query)
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                while True:
                    answers.append(asking.recv(4096))
        return answers


def exchange(connection: socket.socket, name: str, path: str = "/") -> bytes:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def tool(name: str) -> str:
    """The path of a program that is not ours; without it a test is skipped, or fails where it must run."""
    path = shutil.which(name)
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} is not installed")
    return path


@pytest.fixture(scope="session")
def _running_lab() -> Iterator[Lab]:
    with running(topology_file.load("standard"), seed=1, at=NOW) as lab:
        yield lab


@pytest.fixture
def hosts(_running_lab: Lab) -> Iterator[Hosts]:
    found = Hosts(_running_lab)
    found.lab.apply(found.calm)
    yield found
    found.lab.apply(found.calm)
