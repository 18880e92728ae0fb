"""The other end of :mod:`probe.apart`: carries out one order and ends. Not to be run by hand."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from probe import apart, consent
from probe.clock import SystemClock
from probe.errors import UserError
from probe.store.database import Database
from probe.store.writing import WriteFailedError

if TYPE_CHECKING:
    from collections.abc import Callable

_STDIN, _STDOUT = 0, 1


def main() -> None:
    """Read the order, carry it out, write the answer."""
    try:
        answer = _carry_out(pickle.loads(_order()))  # noqa: S301 - our own parent's, over a pipe of its own
    except WriteFailedError as error:
        answer = apart.Refused(str(error), error.is_disk_full)
    except UserError as error:
        answer = apart.Refused(str(error))
    with contextlib.suppress(BrokenPipeError):
        data = pickle.dumps(answer)
        while data:
            data = data[os.write(_STDOUT, data) :]


def _order() -> bytes:
    length = int.from_bytes(_exactly(apart.LENGTH_BYTES))
    return _exactly(length)


def _exactly(count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = os.read(_STDIN, count - len(data))
        if not chunk:
            sys.exit("nobody asked for anything: this process is started by `nameblind run`")
        data += chunk
    return data


def _carry_out(order: apart.Load | apart.Enter | apart.Measure) -> Any:
    match order:
        case apart.Load():
            from probe.schedule.loader import load

            return load(order.path)
        case apart.Enter():
            from probe.vantage import enter, refuse_mixing

            with Database.open(order.database, create=True) as database:
                refuse_mixing(database, SystemClock.source)
                return enter(order.schedule.vantage, database)
        case apart.Measure():
            return _measure(order)


def _measure(order: apart.Measure) -> apart.Measured | apart.Refused:
    from probe.cycle import run_cycle
    from probe.itself import secret
    from probe.net import SystemNet
    from probe.pairs import Places

    state_dir = consent.default_state_dir()
    try:
        consent.require(state_dir, ask=None)  # again: it may have been withdrawn since the last cycle
    except UserError as error:
        return apart.Refused(str(error), is_without_consent=True)
    hashed = secret.load_or_make(state_dir)

    async def work() -> apart.Measured:
        places = Places(order.schedule.pairs.rest_s, order.resting_until)
        with Database.open(order.database) as database:
            cycle_id = await run_cycle(
                order.schedule,
                database,
                SystemNet(),
                SystemClock(),
                slot_at=order.slot_at,
                places=places,
                hashed=hashed,
            )
        return apart.Measured(cycle_id, places.resting_until)

    async def supervised() -> apart.Measured:
        task = asyncio.ensure_future(work())
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
        _when_parent_ends(lambda: loop.call_soon_threadsafe(task.cancel))
        return await task

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        raise UserError("the cycle was ended before its time; what it measured is stored") from None


def _when_parent_ends(then: Callable[[], object]) -> None:
    """Call ``then`` when the pipe from our parent closes: it has died, and nobody waits for the answer."""

    def wait() -> None:
        with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: the loop has ended
            if not os.read(_STDIN, 1):
                then()

    threading.Thread(target=wait, name="parent", daemon=True).start()


if __name__ == "__main__":
    main()
