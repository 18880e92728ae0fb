"""How the director speaks to the lab's own processes: one pipe each, whose end is the process's end too.

A process that reads the end of its pipe knows that the director is gone, by
``kill -9`` too, and ends at once; so nothing is left running.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from multiprocessing.connection import Connection


def ignore_interrupts() -> None:
    """Leave Ctrl-C, which reaches every process of the terminal, to the director."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


async def obey(pipe: Connection[Any, Any], handle: Callable[[Any], Awaitable[Any]]) -> None:
    """Handle each message of the director, in order, and send back what comes of it; never returns."""
    messages: asyncio.Queue[Any] = asyncio.Queue()

    def take() -> None:
        try:
            messages.put_nowait(pipe.recv())
        except (EOFError, ConnectionResetError):
            os._exit(1)

    asyncio.get_running_loop().add_reader(pipe.fileno(), take)
    while True:
        pipe.send(await handle(await messages.get()))
