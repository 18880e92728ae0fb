"""The process that is the Internet: makes the hosts' devices, carries their packets, changes with the conditions."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any

from lab import tun
from lab.conditions import InterfaceState
from lab.control import ignore_interrupts, obey
from lab.internet import Internet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.connection import Connection

    from lab.conditions import Conditions
    from lab.topology import Topology


def carry(pipe: Connection[Any, Any], topology: Topology, namespaces: Mapping[str, str], seed: int) -> None:
    """Be the process: attach every host, say so, then carry and obey. Ends with the director."""
    ignore_interrupts()
    interfaces = {
        name: tun.Interface(addresses=host.addresses, networks=host.answers_for)
        for name, host in topology.hosts.items()
    }
    tuns = {name: tun.attach(namespaces[name], interface) for name, interface in interfaces.items()}
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_carry(pipe, topology, namespaces, interfaces, tuns, seed))


async def _carry(
    pipe: Connection[Any, Any],
    topology: Topology,
    namespaces: Mapping[str, str],
    interfaces: Mapping[str, tun.Interface],
    tuns: Mapping[str, int],
    seed: int,
) -> None:
    asyncio.get_running_loop().set_exception_handler(_end_at_fault)
    internet = Internet(topology, tuns, seed)
    internet.start()
    now: dict[str, InterfaceState] = {}

    def set_interface(host: str, state: InterfaceState) -> None:
        tun.set_carrier(tuns[host], is_present=state is not InterfaceState.UNPLUGGED)
        if state is InterfaceState.DOWN:
            tun.bring_down(namespaces[host])
        else:
            tun.bring_up(namespaces[host], interfaces[host])

    async def handle(conditions: Conditions) -> bool:
        internet.apply(conditions)
        for host in topology.hosts:
            wanted = conditions.interfaces.get(host, InterfaceState.UP)
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
