"""The systemd unit gives a probe no more than it needs, by systemd's own measure."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy" / "nameblind.service"
MOST_EXPOSED = 1.6  # of 10; common services are at 9


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_exposure_of_the_unit_is_low() -> None:
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(UNIT)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    level = re.search(r"Overall exposure level for nameblind\.service: ([0-9.]+)", shown.stdout)
    assert level is not None, shown.stderr
    assert float(level[1]) <= MOST_EXPOSED


def test_unit_runs_the_command_that_exists() -> None:
    (line,) = [line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart=")]
    assert "/bin/nameblind run --schedule /etc/nameblind.yaml --db " in line
