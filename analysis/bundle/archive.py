"""A bundle as one file (zip): the same bytes from the same folder, and read with more distrust than a folder.

An archive may name any path, any size and any kind of file. All of it is looked at
before the first byte is unpacked; what a bundle never has is refused.
"""

from __future__ import annotations

import io
import shutil
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

from analysis.bundle.bag import MAX_BYTES, MAX_FILES
from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX: Final = ".zip"
TOP: Final = "evidence"
"""The one folder in the archive, as RFC 8493 wants it; fixed, so that the file's own name changes no byte."""
MAX_RATIO: Final = 200
"""Unpacked bytes for each byte of the archive. By judgement: one bundle that was measured shrank to a sixth."""
MAX_NAMES_BYTES: Final = 32 * 2**20
"""Of the list of names: room for :data:`MAX_FILES` of 300 bytes each."""
_DAY: Final = (1980, 1, 1, 0, 0, 0)
"""The first that the format knows: an archive of ours tells no time of its making."""
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PLAIN: Final = stat.S_IFREG | 0o644
_ENCRYPTED: Final = 0x1


def pack(folder: Path, archive: Path) -> None:
    """Write the files of ``folder`` into ``archive``, in the order of their paths."""
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            member = zipfile.ZipInfo(f"{TOP}/{path.relative_to(folder).as_posix()}", _DAY)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3  # Unix, wherever it is written
            member.external_attr = _PLAIN << 16
            member.file_size = path.stat().st_size
            with path.open("rb") as source, packed.open(member, "w") as target:
                shutil.copyfileobj(source, target)


class _Bounded(io.FileIO):
    """A file of which nobody reads much at once: the list of names is read in one piece, before it can be counted."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_NAMES_BYTES:
            raise UserError(
                f"The archive's list of names has {size} bytes, more than any bundle's; nothing was unpacked."
            )
        return super().read(size)


def unpack(archive: Path, into: Path) -> Path:
    """Unpack ``archive`` into the empty folder ``into``, and give the bundle's folder. Raises UserError."""
    try:
        with _Bounded(archive) as file, zipfile.ZipFile(file) as packed:
            members = _checked(packed.infolist(), archive.stat().st_size)
            for member in members:
                target = into / member.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(member) as source, target.open("xb") as copy:
                    shutil.copyfileobj(source, copy)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UserError(
            f"{archive} cannot be unpacked to its end ({str(error)!r}): it is damaged, or no zip archive."
        ) from error
    return into / TOP


def _checked(members: list[zipfile.ZipInfo], size: int) -> list[zipfile.ZipInfo]:
    """Give the members that are files; one that no bundle has is refused before anything is written."""
    if len(members) > MAX_FILES:
        raise UserError(f"The archive is larger than {MAX_FILES} files; nothing was unpacked.")
    names: set[str] = set()
    for member in members:
        name = member.orig_filename
        parts = name.removesuffix("/").split("/")
        if any(mark in name for mark in "\\\0:") or any(part in {"", ".", ".."} for part in parts):
            raise UserError(f"The archive holds {name!r}, which leads out of it: it is forged; nothing was unpacked.")
        if parts[0] != TOP:
            raise UserError(f"The archive holds {name!r} beside its folder {TOP!r}: no bundle; nothing was unpacked.")
        if name in names:
            raise UserError(f"The archive holds {name!r} twice: it is forged; nothing was unpacked.")
        if stat.S_IFMT(member.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise UserError(f"The archive holds {name!r}, a link or no file at all; nothing was unpacked.")
        if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
            raise UserError(f"The archive holds {name!r} encrypted, or packed as no bundle is; nothing was unpacked.")
        names.add(name)
    total = sum(member.file_size for member in members)
    if total > min(MAX_BYTES, MAX_RATIO * size):
        raise UserError(
            f"The archive of {size} bytes would unpack to {total}, more than any bundle; nothing was unpacked."
        )
    return [member for member in members if not member.is_dir()]
