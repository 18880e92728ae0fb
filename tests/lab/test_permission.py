"""The lab without root: a user namespace is enough, and what is missing is said in one sentence."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lab import namespace
from lab.tun import open_tun
from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_ROOT = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path

from lab import namespace
from lab.running import running
from lab.topology_file import load

if __name__ == "__main__":
    # A /dev/net/tun that users may open, seen by this process alone; then away with root.
    namespace.make_mounts_private()
    device = Path(sys.argv[1]) / "tun"
    os.mknod(device, 0o020666, os.makedev(10, 200))
    device.chmod(0o666)
    namespace.bind_mount(device, Path("/dev/net/tun"))
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    namespace._libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: as after an exec by that user
    with running(load("standard"), seed=1, at=datetime.now(UTC)) as lab:
        sys.exit(lab.spawn("vantage-a", ["sh", "-c", "grep -q tun0 /proc/net/dev && exit 42"]).wait())
"""


@pytest.mark.lab
def test_a_user_who_may_open_the_device_needs_no_root(tmp_path: Path) -> None:
    # From the command line, because that user cannot read a script in our folders.
    command = [sys.executable, "-c", WITHOUT_ROOT, str(tmp_path)]
    assert subprocess.run(command, check=False, timeout=60).returncode == 42


def test_a_system_that_refuses_namespaces_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(flags: int) -> None:
        raise PermissionError(1, f"unshare {flags:x}: Operation not permitted")

    monkeypatch.setattr(namespace, "unshare", refuse)
    with pytest.raises(UserError, match=r"needs network namespaces .* run it as root"):
        namespace.require_permission(open_tun)


@pytest.mark.lab
def test_a_system_that_refuses_tun_devices_is_named() -> None:
    def refuse() -> int:
        raise PermissionError(1, "Operation not permitted")

    with pytest.raises(UserError, match=r"/dev/net/tun may not be used \(Operation not permitted\): run it as root"):
        namespace.require_permission(refuse)
