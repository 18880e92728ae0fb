"""The process that is the Internet: makes the hosts' devices, carries their packets, changes with the conditions."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab import tun
from lab.capture import Capture
from lab.conditions import InterfaceState
from lab.control import ignore_interrupts, obey
from lab.internet import Internet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from multiprocessing.connection import Connection
    from pathlib import Path

    from lab.conditions import Conditions
    from lab.topology import Topology


@dataclass(frozen=True, slots=True)
class Apply:
    """Let conditions hold from now on."""

    conditions: Conditions
    at: datetime
    """What the scenario's clock shows."""
    is_fresh: bool
    """Whether time has passed that nobody saw: nothing is on its way any more, and boxes have forgotten."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Close the captures, and say from which of them packets are missing."""


@dataclass(frozen=True, slots=True)
class Count:
    """Say how many packets each box has seen, and on how many it acted."""


def carry(
    pipe: Connection[Any, Any],
    topology: Topology,
    namespaces: Mapping[str, str],
    seed: int,
    captures: Mapping[str, Path],
) -> None:
    """Be the process: attach every host, say so, then carry and obey. Ends with the director."""
    ignore_interrupts()
    gc.freeze()  # packets make no cycles: looking for some among them takes a third of the time that they may take
    gc.set_threshold(100_000, 50, 50)
    interfaces = {
        name: tun.Interface(addresses=host.addresses, networks=host.answers_for, is_any=host.takes_any_address)
        for name, host in topology.hosts.items()
    }
    tuns = {name: tun.attach(namespaces[name], interface) for name, interface in interfaces.items()}
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_carry(pipe, topology, namespaces, interfaces, tuns, seed, captures))


async def _carry(
    pipe: Connection[Any, Any],
    topology: Topology,
    namespaces: Mapping[str, str],
    interfaces: Mapping[str, tun.Interface],
    tuns: Mapping[str, int],
    seed: int,
    captures: Mapping[str, Path],
) -> None:
    asyncio.get_running_loop().set_exception_handler(_end_at_fault)
    internet = Internet(topology, tuns, seed)
    for link, path in captures.items():
        internet.capture(link, Capture(path))
    internet.start()
    now: dict[str, InterfaceState] = {}

    def set_interface(host: str, state: InterfaceState) -> None:
        tun.set_carrier(tuns[host], is_present=state is not InterfaceState.UNPLUGGED)
        if state is InterfaceState.DOWN:
            tun.bring_down(namespaces[host])
        else:
            tun.bring_up(namespaces[host], interfaces[host])

    async def handle(message: Apply | Count | Finish) -> Any:
        if isinstance(message, Finish):
            return internet.finish()
        if isinstance(message, Count):
            return internet.counts()
        internet.apply(message.conditions, at=message.at, is_fresh=message.is_fresh)
        for host in topology.hosts:
            wanted = message.conditions.interfaces.get(host, InterfaceState.UP)
            if wanted is not now.get(host, InterfaceState.UP):
                await asyncio.to_thread(set_interface, host, wanted)
                now[host] = wanted
        return True

    pipe.send(True)
    await obey(pipe, handle)


def _end_at_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """End the process at the first fault of ours: an Internet that loses packets by mistake proves nothing."""
    loop.default_exception_handler(context)
    os._exit(1)
