"""What all tests share: how they are spread over processes, and what the processes they start may rely on."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

AT_ONCE = 4
"""On two cores: half of the tests wait for packets, for the disk or for a time limit. A file's tests stay together."""

LONGEST = ("test_scenarios.py", "test_false_accusation.py", "test_cycle.py")
"""Begun first, so that nothing waits for them in the end."""


def pytest_configure(config: pytest.Config) -> None:
    """Take Ctrl-C again where a shell that started us in the background had us ignore it: children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, and leave the order within them."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Say how many processes run the tests; 0 is this one alone.

    Some named tests are sooner done here, and can be stepped through. Without
    root the lab needs a process without threads, and a worker has some.
    """
    has_named_some = any("tests" in argument for argument in config.invocation_params.args)
    return 0 if has_named_some or os.geteuid() != 0 else AT_ONCE
