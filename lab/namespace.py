"""Hosts: anonymous network namespaces, and the one TUN device that each of them has.

A namespace is made by a thread that leaves ours (``unshare``) and ends; what
keeps it alive is a file descriptor. Nothing is mounted and nothing is named, so
when the process that holds it dies, by ``kill -9`` too, the kernel takes the
namespace and its device away, and nothing is left behind.

Entering one is ``setns`` for the calling *thread* only; a socket stays for ever
in the namespace in which it was made. That is how one process serves many hosts.

What to do inside a namespace (addresses, routes) is :mod:`lab.tun`'s; what
passes between them is :mod:`lab.internet`'s.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# include/uapi/linux/sched.h
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

# include/uapi/linux/mount.h
_MS_BIND = 0x1000
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000

_libc = ctypes.CDLL(None, use_errno=True)  # Python has os.setns and os.unshare from 3.12 only


def _call(function: str, *arguments: object) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave namespaces of the kinds in ``flags``: the calling thread's only, except for a user namespace."""
    _call("unshare", flags)


def setns(descriptor: int) -> None:
    """Move the calling thread into the network namespace behind ``descriptor``."""
    _call("setns", descriptor, CLONE_NEWNET)


def make_mounts_private() -> None:
    """Give this process a mount table of its own: what it mounts from now on, nobody else sees."""
    unshare(CLONE_NEWNS)
    _call("mount", b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)


def bind_mount(source: Path, destination: Path) -> None:
    """Put the file ``source`` in the place of ``destination``, in this process's mount table."""
    _call("mount", os.fsencode(source), os.fsencode(destination), None, _MS_BIND, None)


def hide_directory(path: Path) -> None:
    """Put an empty directory in the place of ``path``, in this process's mount table."""
    _call("mount", b"none", os.fsencode(path), b"tmpfs", 0, None)


def identity(path: str) -> tuple[int, int]:
    """Give what tells a namespace from every other: its device and inode."""
    status = Path(path).stat()
    return status.st_dev, status.st_ino


def current_identity() -> tuple[int, int]:
    """Give the identity of the namespace that the calling thread is in."""
    return identity(f"/proc/self/task/{threading.get_native_id()}/ns/net")


@dataclass(frozen=True, slots=True)
class Namespace:
    """One network namespace, alive as long as its descriptor is open.

    ``path`` leads other processes of the same user to it, while this one lives.
    """

    descriptor: int
    path: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", f"/proc/{os.getpid()}/fd/{self.descriptor}")

    @classmethod
    def make(cls) -> Namespace:
        """Make a new one, empty, with its loopback interface still down. Raises OSError."""
        made: list[int] = []
        failed: list[OSError] = []

        def leave() -> None:
            try:
                unshare(CLONE_NEWNET)
                path = f"/proc/self/task/{threading.get_native_id()}/ns/net"
                made.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            except OSError as error:
                failed.append(error)

        thread = threading.Thread(target=leave, name="namespace")
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return cls(made[0])

    def close(self) -> None:
        """Let go of it; it vanishes once nobody is inside and none of its sockets is open."""
        os.close(self.descriptor)


@contextlib.contextmanager
def entered(path: str) -> Iterator[None]:
    """Be in the namespace at ``path`` with the calling thread, and back again afterwards."""
    home = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(path)
        try:
            yield
        finally:
            setns(home)
    finally:
        os.close(home)


def enter(path: str) -> None:
    """Move the calling thread into the namespace at ``path``, for good."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(descriptor)
    finally:
        os.close(descriptor)


def _become_root_of_a_user_namespace() -> None:
    """Map this user to root inside a new user namespace. The process must not have threads yet.

    It gets an empty network namespace with it: from a user namespace there is no
    coming back into the one outside, and :func:`entered` has to come back.
    """
    user, group = os.getuid(), os.getgid()
    unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")


def require_permission(open_tun: Callable[[], int]) -> None:
    """Make sure that namespaces and TUN devices can be had, in a user namespace if we are not root.

    ``open_tun`` makes one TUN device in the calling thread's namespace. Raises
    UserError that says what is missing. A process that is not root is inside a
    user namespace of its own afterwards, without a network, and stays there.
    """
    if not Path("/dev/net/tun").exists():
        raise UserError(
            "the lab needs TUN devices and this system has no /dev/net/tun: load the kernel module "
            "(`modprobe tun`), or start the container with `--device /dev/net/tun`"
        )
    try:
        if os.geteuid() != 0:
            _become_root_of_a_user_namespace()
        trial = Namespace.make()
    except OSError as error:
        raise UserError(
            f"the lab needs network namespaces and this system refuses them ({error.strerror}): run it as root "
            "(in a container with `--cap-add NET_ADMIN --cap-add SYS_ADMIN`), or allow user namespaces"
        ) from error
    try:
        with entered(trial.path):
            os.close(open_tun())
    except OSError as error:
        raise UserError(
            f"the lab needs TUN devices and /dev/net/tun may not be used ({error.strerror}): run it as root "
            "(in a container with `--cap-add NET_ADMIN --device /dev/net/tun`)"
        ) from error
    finally:
        trial.close()
