"""A process of its own for whatever is large or dangerous, so that the one that waits stays small and lives.

``nameblind run`` sleeps for most of its life. What a cycle needs (TLS, HTTP,
certificates, whatever a hostile answer makes it hold) is 40 MB and more, and
Python gives little of it back. So the process that waits loads none of it: each
cycle is a child that ends. That also keeps a bomb from killing more than one
cycle, and a bug from blinding the probe.

An order goes down the child's standard input, and one answer comes up its
output: pickled, because both ends are this program, and nobody else holds the
pipe. The pipe stays open meanwhile: when its parent dies, by ``kill -9`` too,
the child reads the end of it and closes its cycle. See
``docs/design/2026-11-23-a-cycle-is-a-process-that-ends.md``.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from probe.errors import UserError
from probe.store.writing import WriteFailedError

if TYPE_CHECKING:
    from datetime import datetime

    from probe.schedule.model import Schedule

LENGTH_BYTES: Final = 8
END_TIMEOUT_S: Final = 4.0
"""From SIGTERM to SIGKILL: a cycle closes itself in well under a second, and the whole probe ends within five."""


@dataclass(frozen=True, slots=True)
class Load:
    """Read a schedule; the answer is a ``Schedule``."""

    path: str


@dataclass(frozen=True, slots=True)
class Enter:
    """Make or migrate the database and enter the vantage; the answer is its identifier."""

    schedule: Schedule
    database: str


@dataclass(frozen=True, slots=True)
class Measure:
    """Run one cycle; the answer is a ``Measured``."""

    schedule: Schedule
    database: str
    slot_at: datetime
    resting_until: dict[tuple[str, int], float]


@dataclass(frozen=True, slots=True)
class Measured:
    """A cycle that was run."""

    cycle_id: str
    resting_until: dict[tuple[str, int], float]


@dataclass(frozen=True, slots=True)
class Refused:
    """A sentence for the person, in the place of an answer."""

    sentence: str
    is_disk_full: bool | None = None
    """Where the storage failed; ``None`` for everything else."""
    is_without_consent: bool = False


class WithoutConsentError(UserError):
    """The consent was withdrawn: nothing more may be sent."""


async def ask(order: Load | Enter | Measure) -> Any:
    """Have an order carried out in a process of its own, and give its answer.

    ``UserError`` or ``WriteFailedError`` as there; ``UserError`` too where the
    process died. Cancelled, it ends the process first, gently if that is quick.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # modules of the working folder are not ours
        "-m",
        "probe.apart_child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us to hear; we end the child ourselves
    )
    assert process.stdin is not None
    assert process.stdout is not None
    data = pickle.dumps(order)
    try:
        with contextlib.suppress(ConnectionError):  # it is dead already: its status will say so
            process.stdin.write(len(data).to_bytes(LENGTH_BYTES) + data)
            await process.stdin.drain()
        came = await process.stdout.read()
        status = await process.wait()
    finally:
        await _end(process)
    return _answer_in(came, status)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _answer_in(came: bytes, status: int) -> Any:
    if status != 0 or not came:
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        raise UserError(f"the process that had the work in its hands ended {how}; what it stored until then is whole")
    answer = pickle.loads(came)  # noqa: S301 - our own child's, over a pipe of ours
    if isinstance(answer, Refused):
        if answer.is_disk_full is not None:
            raise WriteFailedError(answer.sentence, is_disk_full=answer.is_disk_full)
        raise (WithoutConsentError if answer.is_without_consent else UserError)(answer.sentence)
    return answer


@dataclass(slots=True)
class CyclesApart:
    """Runs each cycle in a process of its own, and hands the rests after triggers on to the next."""

    schedule: Schedule
    database: str
    _resting_until: dict[tuple[str, int], float] = field(default_factory=dict)

    async def __call__(self, *, slot_at: datetime) -> str:
        """Run the cycle of a slot; give its identifier."""
        measured: Measured = await ask(Measure(self.schedule, self.database, slot_at, self._resting_until))
        self._resting_until = measured.resting_until
        return measured.cycle_id
