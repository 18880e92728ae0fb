"""The systemd units give each part no more than it needs, by systemd's own measure, and call what exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).parents[2] / "deploy" / "systemd").glob("*.service"))
MOST_EXPOSED = 1.6  # of 10; common services are at 9
systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
each = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


def command_of(unit: Path) -> list[str]:
    (line,) = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    return shlex.split(line.removeprefix("ExecStart="))


@systemd
@each
def test_exposure_of_the_unit_is_low(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    level = re.search(rf"Overall exposure level for {unit.name}: ([0-9.]+)", shown.stdout)
    assert level is not None, shown.stderr
    assert float(level[1]) <= MOST_EXPOSED


@systemd
@each
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    there = tmp_path / unit.name
    there.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE))
    timer = unit.with_suffix(".timer")
    if timer.exists():
        shutil.copy(timer, tmp_path)
    command = ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in shown.stderr.splitlines() if "nameblind" in line and "Failed to connect" not in line]
    assert ours == []


@each
def test_it_calls_a_command_that_exists_with_options_that_it_has(unit: Path) -> None:
    program, *arguments = command_of(unit)
    assert program == "/opt/nameblind/bin/nameblind"
    words = [word for word in arguments if re.fullmatch(r"[a-z]+", word)]
    asked = [sys.executable, "-m", "nameblind", *words, "--help"]
    shown = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert shown.returncode == 0, shown.stderr
    options = [word for word in arguments if word.startswith("--")]
    assert options
    assert [option for option in options if option not in shown.stdout] == []


@each
def test_no_unit_starts_again_what_a_person_has_to_put_right(unit: Path) -> None:
    text = unit.read_text()
    assert ("Restart=" in text) == ("RestartPreventExitStatus=1" in text)
    assert "UMask=0077" in text
    assert "LimitCORE=0" in text
