"""The bag around the payload (RFC 8493): written in a fixed order, and read with distrust.

The one well-known library writes the day into every bag and follows what the
manifest names; both are wrong here, and the format is a few lines.
"""

from __future__ import annotations

import hashlib
import re
import stat
from typing import TYPE_CHECKING, Final

from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DECLARATION: Final = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
SIGNATURE: Final = "signature.json"
TAGS: Final = ("bag-info.txt", "bagit.txt", MANIFEST)
MAX_FILES: Final = 100_000
"""A fleet's month has some thousands of certificates and packets."""
MAX_BYTES: Final = 8 * 2**30
"""Of the payload; a probe's database is held below 500 MB."""
MAX_TAG_BYTES: Final = 32 * 2**20
"""Of one tag file: a manifest of ``MAX_FILES`` lines."""
_LINE = re.compile(r"([0-9a-f]{64})  ([^\r\n]+)")


def write_bag(bag: Path, agent: str, signer: str | None) -> bytes:
    """Write the tag files around ``bag/data``; give the tag manifest, which is what is signed."""
    paths = sorted(path.relative_to(bag).as_posix() for path in (bag / "data").rglob("*") if path.is_file())
    total = sum((bag / path).stat().st_size for path in paths)
    by = f"ed25519 {signer}" if signer else "nobody"
    info = f"Bag-Software-Agent: {agent}\nPayload-Oxum: {total}.{len(paths)}\nSigned-By: {by}\n"
    (bag / "bagit.txt").write_text(DECLARATION, encoding="utf-8")
    (bag / "bag-info.txt").write_text(info, encoding="utf-8")
    (bag / MANIFEST).write_text(_manifest(bag, paths), encoding="utf-8")
    (bag / TAG_MANIFEST).write_text(_manifest(bag, TAGS), encoding="utf-8")
    return (bag / TAG_MANIFEST).read_bytes()


def check_bag(bag: Path) -> None:
    """See that every file is there, none is beside them, and each has its hash; ``UserError`` names the first fault."""
    files = _walk(bag)
    for name in (*TAGS, TAG_MANIFEST):
        if name not in files:
            raise UserError(f"{name} is missing from the bundle: get it anew from its maker.")
        if files[name] > MAX_TAG_BYTES:
            raise UserError(f"{name} is larger than any bundle needs ({files[name]} bytes); it was not read.")
    if (bag / "bagit.txt").read_bytes() != DECLARATION.encode():
        raise UserError("bagit.txt does not say what a bundle of ours says: this is another bag.")
    tags, payload = read_manifest(bag, TAG_MANIFEST), read_manifest(bag, MANIFEST)
    if set(tags) != set(TAGS):
        raise UserError(f"{TAG_MANIFEST} does not list just {', '.join(TAGS)}: it is forged or damaged.")
    _check_paths(payload)
    for name, sha256 in sorted(tags.items()):
        if _sha256(bag / name) != sha256:
            raise UserError(f"{name} is not the file that {TAG_MANIFEST} names: it was changed or forged.")
    _check_payload(bag, files, payload)


def signer_named(bag: Path) -> str | None:
    """Give the public key that ``bag-info.txt`` says signed it."""
    found = re.search(r"^Signed-By: ed25519 ([0-9a-f]{64})$", _text(bag, "bag-info.txt"), re.MULTILINE)
    return found[1] if found else None


def read_manifest(bag: Path, name: str) -> dict[str, str]:
    """Give the hash of each path that a manifest names."""
    found: dict[str, str] = {}
    for number, line in enumerate(_text(bag, name).split("\n")[:-1], start=1):
        match = _LINE.fullmatch(line)
        if match is None or match[2] in found:
            raise UserError(f"{name}, line {number}: no hash and path, or a path named twice; it is forged or damaged.")
        found[match[2]] = match[1]
    return found


def _manifest(bag: Path, paths: Iterable[str]) -> str:
    return "".join(f"{_sha256(bag / path)}  {path}\n" for path in paths)


def _check_paths(payload: dict[str, str]) -> None:
    for path in payload:
        parts = path.split("/")
        if parts[0] != "data" or "\\" in path or any(part in {"", ".", ".."} for part in parts):
            raise UserError(
                f"{MANIFEST} names {path!r}, which leads out of the bundle: it is forged; nothing was read."
            )


def _check_payload(bag: Path, files: dict[str, int], payload: dict[str, str]) -> None:
    present = {path for path in files if path.startswith("data/")}
    for path in sorted(set(payload) - present):
        raise UserError(f"{path!r} is missing from the bundle: get it anew from its maker.")
    for path in sorted(set(files) - set(payload) - {*TAGS, TAG_MANIFEST, SIGNATURE}):
        raise UserError(f"{path!r} is in the bundle and not in its manifest: it was added afterwards.")
    for path, sha256 in sorted(payload.items()):
        if _sha256(bag / path) != sha256:
            raise UserError(f"{path!r} is not the file that the manifest names: its content was changed.")


def _walk(bag: Path) -> dict[str, int]:
    """Give the size of each file by its path; links and other things that are no files are refused."""
    found: dict[str, int] = {}
    waiting = [bag]
    while waiting:
        here = waiting.pop()
        for entry in sorted(here.iterdir()):
            path, state = entry.relative_to(bag).as_posix(), entry.lstat()
            if stat.S_ISDIR(state.st_mode):
                waiting.append(entry)
            elif stat.S_ISREG(state.st_mode):
                found[path] = state.st_size
            else:
                raise UserError(f"{path!r} is a link or no file at all: a bundle holds plain files; nothing was read.")
            if len(found) + len(waiting) > MAX_FILES:
                raise UserError(f"The bundle is larger than {MAX_FILES} files; it was not read.")
    if sum(found.values()) > MAX_BYTES:
        raise UserError(f"The bundle is larger than {MAX_BYTES} bytes; it was not read.")
    return found


def _text(bag: Path, name: str) -> str:
    try:
        return (bag / name).read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{name} is not UTF-8: it is damaged; get the bundle anew from its maker.") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
