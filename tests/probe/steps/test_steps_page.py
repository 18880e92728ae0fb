from __future__ import annotations

import re
from pathlib import Path

from probe.failures import Failure

PAGE = Path(__file__).parents[3] / "docs" / "steps.md"


def test_the_page_lists_every_failure_once_and_no_other() -> None:
    table = PAGE.read_text(encoding="utf-8").split("## Failures")[1]
    assert sorted(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == sorted(Failure)
