from __future__ import annotations

import asyncio
import socket

import pytest

from probe import icmp
from probe.clock import SystemClock
from probe.failures import Failure
from probe.model import Observation, Operation
from probe.net import SystemNet
from probe.steps import hop
from tests.probe.steps.loopback import HOME, QUICK, loopback_net


def _ask(net: SystemNet, host: str = HOME) -> Observation:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as reserved:
        reserved.bind((host, 0))
        port = reserved.getsockname()[1]
    return asyncio.run(hop.ask(hop.HopEndpoint(address=host, port=port, hop_limit=2), net, SystemClock(), QUICK))


@pytest.mark.parametrize("host", [HOME, "::1"])
def test_who_answers_is_named(host: str) -> None:
    seen = _ask(loopback_net(), host)
    assert (seen.operation, seen.failure, seen.address, seen.hop_limit) == (Operation.HOP, None, host, 2)


def test_an_inward_address_is_not_asked() -> None:
    seen = _ask(SystemNet())
    assert (seen.failure, seen.address) == (Failure.ADDRESS_NOT_DIALLED, None)


def test_a_system_that_does_not_tell_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmp, "IS_AVAILABLE", False)
    seen = _ask(loopback_net())
    assert (seen.failure, seen.error_text) == (Failure.UNKNOWN, hop.NOT_AVAILABLE)
