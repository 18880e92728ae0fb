"""This side of a capture: starts the process that may read packets, names connections, checks what it hands back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from probe.errors import UserError
from probe.packets import orders, pcap
from probe.packets.ends import ends_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from probe.packets.flow import Flow

START_TIMEOUT_S = 15.0
"""Until it is ready: scapy takes seconds on a small machine."""
ANSWER_TIMEOUT_S = 5.0
_END_TIMEOUT_S = 2.0


class CaptureFailedError(Exception):
    """The process refused, died, kept silent or said what cannot be; its text is ours and says which."""


@dataclass(slots=True)
class Captured:
    """What one capture brought; filled when it ends."""

    packets: int = 0
    missed: int = 0
    content: bytes = b""


def require() -> None:
    """Make sure that packets can be read here. Raises UserError, in one sentence, where they cannot. Sends nothing."""

    async def attempt() -> None:
        async with _child():
            pass

    try:
        asyncio.run(attempt())
    except CaptureFailedError as error:
        raise UserError(
            f"packets cannot be kept ({error}): install nameblind[packets] and run it as root or with CAP_NET_RAW, "
            "or leave --packets out; everything else works without it"
        ) from None


@contextlib.asynccontextmanager
async def capturing(flows: Collection[Flow], seconds: float) -> AsyncIterator[Captured]:
    """Keep packets of ``flows`` until the block ends. CaptureFailedError, also at its end."""
    captured = Captured()
    async with _child() as child:
        named = [[flow.address, flow.port, flow.source_port] for flow in flows]
        await _say(child, orders.line(flows=named, seconds=seconds))
        await _hear(child, "armed", ANSWER_TIMEOUT_S)
        yield captured
        await _say(child, orders.line(stop=True))
        told = await _hear(child, "packets", ANSWER_TIMEOUT_S)
        try:
            size = orders.read_count(told, "bytes", orders.MOST_BYTES)
            captured.packets = orders.read_count(told, "packets", orders.MOST_PACKETS)
            captured.missed = orders.read_count(told, "missed", 1 << 40)
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                content = await _out(child).readexactly(size)
        except orders.BadOrderError as error:
            raise CaptureFailedError(f"its answer cannot be: {error}") from None
        except (asyncio.IncompleteReadError, TimeoutError):
            raise CaptureFailedError("its answer is cut short") from None
        captured.packets = _checked(content, captured.packets, flows)
        captured.content = content


def _checked(content: bytes, count: int, flows: Collection[Flow]) -> int:
    """Make sure that a capture is one, and that no packet in it has an end that could be the volunteer's."""
    try:
        packets = pcap.read(content)
        peers = {str(ip_address(flow.address)) for flow in flows}
        is_clean = len(packets) == count and all(ends_of(packet.data).are_harmless(peers) for packet in packets)
    except (pcap.BadCaptureError, ValueError) as error:
        raise CaptureFailedError(f"its capture cannot be: {error}") from None
    if not is_clean:
        raise CaptureFailedError("its capture names addresses that it must not")
    return count


@contextlib.asynccontextmanager
async def _child() -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # modules of the working folder are not ours
        "-m",
        "probe.packets",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=orders.MOST_BYTES,
        env={name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ},
        start_new_session=True,  # Ctrl-C is for us to hear; the pipe's end is its end
    )
    try:
        await _hear(child, "ready", START_TIMEOUT_S)
        yield child
    finally:
        assert child.stdin is not None
        child.stdin.close()
        try:
            async with asyncio.timeout(_END_TIMEOUT_S):
                await child.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


def _out(child: asyncio.subprocess.Process) -> asyncio.StreamReader:
    assert child.stdout is not None
    return child.stdout


async def _say(child: asyncio.subprocess.Process, said: bytes) -> None:
    assert child.stdin is not None
    with contextlib.suppress(ConnectionError):  # it is dead: that shows in what it does not say
        child.stdin.write(said)
        await child.stdin.drain()


async def _hear(child: asyncio.subprocess.Process, wanted: str, timeout_s: float) -> dict[str, Any]:
    raw = b""
    try:
        async with asyncio.timeout(timeout_s):
            raw = await _out(child).readline()
        told = orders.read(raw)
    except TimeoutError:
        raise CaptureFailedError("it did not answer in time") from None
    except (orders.BadOrderError, ValueError) as error:  # the latter of a line beyond the pipe's limit
        raise CaptureFailedError(str(error) if raw else "it ended") from None
    if "refused" in told:
        raise CaptureFailedError(_printable(told["refused"]))
    if wanted not in told:
        raise CaptureFailedError("it said something else than was asked")
    return told


def _printable(text: Any) -> str:
    return "".join(letter for letter in str(text)[:120] if letter.isprintable())
