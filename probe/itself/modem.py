"""What ModemManager says of a modem: registered or not, how, how strong, and why no data session came about.

Asked of its own tool, ``mmcli``, within a bounded time; without it, or without
a modem, nothing is known. Who the modem and its owner are (IMEI, IMSI, number,
cell) is in the same answer, and is not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from dataclasses import dataclass, replace

TOOL = "mmcli"
TIMEOUT_S = 3.0
"""Of one question. A modem that hangs must not hold the recorder."""

MAX_OUTPUT_BYTES = 65_536
REGISTERED = frozenset({"home", "roaming"})
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,39}")
_BEARER = re.compile(r"/org/freedesktop/ModemManager1/Bearer/[0-9]{1,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Modem:
    """One modem at one moment; ``None`` where ModemManager does not say."""

    state: str | None = None
    """Of the modem: ``registered``, ``connected``, ``searching``, ``disabled``…"""
    registration: str | None = None
    """With the network: ``home``, ``roaming``, ``searching``, ``denied``…"""
    access: str | None = None
    """Access technology, such as ``lte``."""
    signal_percent: int | None = None
    """In tens."""
    failure: str | None = None
    """Why the network gave no data session to a registered modem, in ModemManager's words."""


async def ask() -> Modem | None:
    """Ask for the first modem; ``None`` where there is none, or no ModemManager."""
    tool = shutil.which(TOOL)
    if tool is None:
        return None
    said = await _said(tool, "-m", "any", "-K")
    if not said:
        return None
    modem = parse(said)
    if modem.registration in REGISTERED and modem.state != "connected":
        failures = [await _failure(tool, path) for path in _bearers(said)[:2]]
        failure = next((one for one in failures if one), None)
        modem = replace(modem, failure=failure)
    return modem


def parse(said: dict[str, str]) -> Modem:
    """Read what ``mmcli -K`` says of a modem."""
    signal = said.get("modem.generic.signal-quality.value", "")
    percent = int(signal) if signal.isascii() and signal.isdigit() and len(signal) <= 3 else None
    return Modem(
        state=_word(said.get("modem.generic.state")),
        registration=_word(said.get("modem.3gpp.registration-state")),
        access=_word(said.get("modem.generic.access-technologies.value[1]")),
        signal_percent=None if percent is None else min(percent, 100) // 10 * 10,
    )


def read_pairs(output: bytes) -> dict[str, str]:
    """Read lines of ``key : value``; whatever is none is passed over."""
    pairs = (line.partition(":") for line in output.decode("utf-8", "replace").splitlines())
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


async def _failure(tool: str, bearer: str) -> str | None:
    said = await _said(tool, "-b", bearer, "-K")
    name = said.get("bearer.status.connection-error.name", "")
    return _word(name.rpartition(".")[2])


def _bearers(said: dict[str, str]) -> list[str]:
    values = (value for key, value in sorted(said.items()) if key.startswith("modem.generic.bearers.value["))
    return [value for value in values if _BEARER.fullmatch(value)]


def _word(text: str | None) -> str | None:
    """Give a word as it stands; what is none, or says that there is nothing (``--``), is ``None``."""
    return text if text and _WORD.fullmatch(text) else None


async def _said(tool: str, *arguments: str) -> dict[str, str]:
    """Run the tool; empty where it fails, hangs or says too much."""
    try:
        process = await asyncio.create_subprocess_exec(
            tool,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"LC_ALL": "C"},
        )
    except OSError:
        return {}
    try:
        async with asyncio.timeout(TIMEOUT_S):
            output = await _all_of(process)
            is_done = await process.wait() == 0
    except (TimeoutError, ValueError):
        is_done, output = False, b""
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return read_pairs(output) if is_done else {}


async def _all_of(process: asyncio.subprocess.Process) -> bytes:
    """Read to the end; ValueError where that is too far."""
    assert process.stdout is not None
    output = b""
    while chunk := await process.stdout.read(MAX_OUTPUT_BYTES):
        output += chunk
        if len(output) > MAX_OUTPUT_BYTES:
            raise ValueError
    return output
