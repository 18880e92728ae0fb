"""A bundle as one file gives the folder back; an archive that no bundle is, is refused before it is unpacked."""

from __future__ import annotations

import stat
import zipfile
from typing import TYPE_CHECKING

import pytest

from analysis.bundle.archive import pack, unpack
from analysis.bundle.verify import verify_bundle
from probe.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path


def packed(tmp_path: Path, *names: str, content: bytes = b"x", mode: int = 0) -> Path:
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return path


def test_a_folder_comes_back_as_it_was_and_packs_to_the_same_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "data").mkdir(parents=True)
    (folder / "bagit.txt").write_bytes(b"one\n")
    (folder / "data" / "қ.bin").write_bytes(bytes(range(256)))
    pack(folder, tmp_path / "one.zip")
    (folder / "bagit.txt").touch()
    pack(folder, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    back = unpack(tmp_path / "one.zip", tmp_path / "back")
    assert (back / "bagit.txt").read_bytes() == b"one\n"
    assert (back / "data" / "қ.bin").read_bytes() == bytes(range(256))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "content", "mode", "said"),
    [
        (["evidence/../../out"], b"x", 0, "leads out of it"),
        (["/evidence/out"], b"x", 0, "leads out of it"),
        (["evidence/a\\..\\out"], b"x", 0, "leads out of it"),
        (["evidence/C:out"], b"x", 0, "leads out of it"),
        (["evidence/a", "evidence/a"], b"x", 0, "twice"),
        (["evidence/a"], b"/etc/passwd", stat.S_IFLNK | 0o777, "a link"),
        (["evidence/a", "other/b"], b"x", 0, "beside its folder"),
        (["evidence/a"], b"\0" * 10_000_000, 0, "would unpack to 10000000"),
    ],
)
def test_a_hostile_archive_is_named_and_nothing_is_unpacked(
    tmp_path: Path, names: list[str], content: bytes, mode: int, said: str
) -> None:
    archive = packed(tmp_path, *names, content=content, mode=mode)
    with pytest.raises(UserError, match=said):
        unpack(archive, tmp_path / "into")
    assert [path.name for path in tmp_path.iterdir()] == ["hostile.zip"]


def patched(archive: Path, old: bytes, new: bytes) -> Path:
    content = archive.read_bytes()
    assert old in content
    archive.write_bytes(content.replace(old, new))
    return archive


def test_a_name_that_ends_early_is_refused(tmp_path: Path) -> None:
    archive = patched(packed(tmp_path, "evidence/aXb"), b"evidence/aXb", b"evidence/a\0b")
    with pytest.raises(UserError, match="leads out of it"):
        unpack(archive, tmp_path / "into")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    archive = packed(tmp_path, "evidence/a")
    with zipfile.ZipFile(archive) as listed:
        at = listed.start_dir
    content = bytearray(archive.read_bytes())
    content[at + 8] |= 1  # general purpose flags of the first entry in the list (APPNOTE 4.3.12)
    archive.write_bytes(bytes(content))
    with pytest.raises(UserError, match="encrypted"):
        unpack(archive, tmp_path / "into")


def test_more_files_than_a_bundle_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.bundle.archive.MAX_FILES", 2)
    with pytest.raises(UserError, match="larger than 2 files"):
        unpack(packed(tmp_path, "evidence/a", "evidence/b", "evidence/c"), tmp_path / "into")


def test_a_list_of_names_is_not_read_before_it_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.bundle.archive.MAX_NAMES_BYTES", 70_000)  # the comment may have 65,535
    names = [f"evidence/{number}" for number in range(2_000)]
    with pytest.raises(UserError, match="list of names has"):
        unpack(packed(tmp_path, *names), tmp_path / "into")


def test_a_member_that_is_larger_than_it_says_ends_where_it_said(tmp_path: Path) -> None:
    archive = packed(tmp_path, "evidence/a", content=b"0123456789")
    patched(archive, (10).to_bytes(4, "little") + b"\x0a\0", (4).to_bytes(4, "little") + b"\x0a\0")
    with pytest.raises(UserError, match="damaged, or no zip archive"):
        unpack(archive, tmp_path / "into")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_an_archive_that_was_cut_is_said_to_be(tmp_path: Path, share: float) -> None:
    archive = packed(tmp_path, "evidence/a", "evidence/b", content=bytes(range(256)) * 40)
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match="damaged, or no zip archive"):
        unpack(archive, tmp_path / "into")


def test_what_is_no_archive_or_was_cut_is_said(tmp_path: Path) -> None:
    path = tmp_path / "evidence.zip"
    path.write_bytes(b"PK no archive")
    with pytest.raises(UserError, match="no zip archive"):
        verify_bundle(path)
