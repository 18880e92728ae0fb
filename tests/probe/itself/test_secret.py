"""The flight recorder's key: for this user's eyes alone, kept, and never guessed from a hash."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

import pytest

from probe.errors import UserError
from probe.itself.secret import FILE_NAME, KEY_BYTES, Keyed, load_or_make

if TYPE_CHECKING:
    from pathlib import Path


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_or_make(tmp_path / "state")("address", "192.0.2.1")
    file = tmp_path / "state" / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_or_make(tmp_path / "state")("address", "192.0.2.1") == first


def test_the_same_address_has_another_hash_under_another_key(tmp_path: Path) -> None:
    here, there = load_or_make(tmp_path / "a"), load_or_make(tmp_path / "b")
    assert here("address", "192.0.2.1") != there("address", "192.0.2.1")
    assert here("address", "192.0.2.1") != hashlib.sha256(b"192.0.2.1").hexdigest()[:16]


def test_two_addresses_and_two_kinds_are_told_apart() -> None:
    hashed = Keyed(b"k" * KEY_BYTES)
    values = {hashed("address", "192.0.2.1"), hashed("address", "192.0.2.2"), hashed("boot", "192.0.2.1")}
    assert len(values) == 3
    assert hashed("addresses", "a", "b") != hashed("addresses", "ab")


@pytest.mark.parametrize("how", ["open to others", "too short", "too long", "a link"])
def test_a_file_that_is_no_key_of_ours_is_replaced(tmp_path: Path, how: str) -> None:
    file = tmp_path / FILE_NAME
    content = {"too short": b"x", "too long": b"x" * 33}.get(how, b"x" * KEY_BYTES)
    if how == "a link":
        (tmp_path / "elsewhere").write_bytes(content)
        (tmp_path / "elsewhere").chmod(0o600)
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.write_bytes(content)
        file.chmod(0o644 if how == "open to others" else 0o600)
    load_or_make(tmp_path)
    assert not file.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == KEY_BYTES
    assert file.read_bytes() != b"x" * KEY_BYTES


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, not a folder")
    with pytest.raises(UserError, match="cannot be kept"):
        load_or_make(tmp_path / "state")
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
