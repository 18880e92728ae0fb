"""What ModemManager's tool says, and what is made of a tool that lies, hangs or floods."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

import pytest

from probe.itself import modem
from probe.itself.modem import Modem

if TYPE_CHECKING:
    from pathlib import Path

MODEM = """
modem.dbus-path                                 : /org/freedesktop/ModemManager1/Modem/0
modem.3gpp.imei                                 : 490154203237518
modem.3gpp.registration-state                   : home
modem.generic.state                             : registered
modem.generic.access-technologies.length        : 1
modem.generic.access-technologies.value[1]      : lte
modem.generic.signal-quality.value              : 67
modem.generic.own-numbers.value[1]              : 77010000000
modem.generic.bearers.value[1]                  : /org/freedesktop/ModemManager1/Bearer/3
"""
BEARER = "bearer.status.connection-error.name : org.freedesktop.ModemManager1.Error.MobileEquipment.{}\n"
REFUSED = Modem(
    state="registered", registration="home", access="lte", signal_percent=60, failure="ServiceOptionNotSubscribed"
)


def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program of that name on the PATH."""
    program = tmp_path / "mmcli"
    program.write_text(f"#!{sys.executable}\nimport sys, time\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(modem.shutil, "which", lambda _: str(program))


def saying(said: str, bearer: str) -> str:
    return f"print({bearer!r} if '-b' in sys.argv else {said!r})"


def test_a_registered_modem_without_data_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, monkeypatch, saying(MODEM, BEARER.format("ServiceOptionNotSubscribed")))
    assert asyncio.run(modem.ask()) == REFUSED


def test_a_connected_modem_is_not_asked_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = MODEM.replace(": registered", ": connected")
    tool(tmp_path, monkeypatch, saying(said, BEARER.format("ServiceOptionNotSubscribed")))
    told = asyncio.run(modem.ask())
    assert told is not None
    assert (told.state, told.failure) == ("connected", None)


@pytest.mark.parametrize("script", ["sys.exit(1)", "pass", "print('\\x1b[31m' * 10)", "sys.stdout.write('a' * 10**6)"])
def test_a_tool_that_says_nothing_useful_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    tool(tmp_path, monkeypatch, script)
    assert asyncio.run(modem.ask()) in {None, Modem()}


def test_a_tool_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modem, "TIMEOUT_S", 0.3)
    tool(tmp_path, monkeypatch, "time.sleep(60)")
    began = time.monotonic()
    assert asyncio.run(modem.ask()) is None
    assert time.monotonic() - began < 5


def test_values_that_are_no_words_and_no_numbers_are_left_out() -> None:
    said = modem.read_pairs(b"modem.generic.state : <script>\nmodem.generic.signal-quality.value : 999999\nx\n: y\n")
    assert modem.parse(said) == Modem()


def test_a_signal_beyond_its_scale_is_cut() -> None:
    assert modem.parse({"modem.generic.signal-quality.value": "250"}).signal_percent == 100
