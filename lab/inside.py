"""Becoming a host: a process moves into a host's namespace, with the host's own resolver.

Names must not leak past the lab. Besides the network, a process sees through
files (``/etc/resolv.conf``, ``/etc/hosts``) and through daemons on local sockets
(nscd, systemd-resolved), which network namespaces do not separate; so all of
them are replaced or hidden in a mount table of its own. Then it makes sure that
it is where it should be before anything else runs.
"""

from __future__ import annotations

import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab import namespace
from lab.tun import DEVICE
from probe.errors import UserError

_NAME_DAEMONS = (Path("/run/nscd"), Path("/var/run/nscd"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """The way into one host, for any process of the same user."""

    host: str
    namespace_path: str
    nameserver: str | None
    outside: tuple[int, int]
    """Identity of the namespace that the lab was started from, where the real network is."""

    def become(self) -> None:
        """Move this process into the host, for good. Raises RuntimeError rather than stay outside."""
        namespace.enter(self.namespace_path)
        self._make_sure()
        self._replace_name_files()

    def _make_sure(self) -> None:
        here = namespace.current_identity()
        interfaces = {name for _, name in socket.if_nameindex()}
        if here == self.outside or here != namespace.identity(self.namespace_path) or DEVICE not in interfaces:
            raise RuntimeError(f"not inside the lab's host {self.host}: {here}, {sorted(interfaces)}")

    def _replace_name_files(self) -> None:
        resolver = f"nameserver {self.nameserver}\n" if self.nameserver else ""
        namespace.make_mounts_private()
        _replace(Path("/etc/resolv.conf"), resolver + "options timeout:1 attempts:3\n")
        _replace(Path("/etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n")
        _replace(Path("/etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n")
        for daemon in _NAME_DAEMONS:
            if daemon.is_dir():
                namespace.hide_directory(daemon)


def _replace(path: Path, content: str) -> None:
    """Show this process ``content`` in the place of a file; the mount outlives the temporary file's name."""
    if not path.exists():
        raise UserError(f"the lab gives each host its own {path}, and this system has none: create it, empty")
    with tempfile.NamedTemporaryFile("w", encoding="ascii", prefix="nameblind-lab-") as file:
        file.write(content)
        file.flush()
        Path(file.name).chmod(0o644)
        namespace.bind_mount(Path(file.name), path.resolve())
