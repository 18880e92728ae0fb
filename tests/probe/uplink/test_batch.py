"""A batch is read back as it was written, and whatever no program of ours writes is refused with its own reason."""

from __future__ import annotations

import base64
import gzip
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from probe.store.chain import START, End
from probe.store.database import Database
from probe.uplink.batch import LIMITS, BatchRefusedError, Refusal, next_batch, read_batch
from tests.probe.store.example_facts import CERTIFICATE, blobs, full_cycle, sha256, vantage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def written(tmp_path: Path) -> tuple[bytes, End]:
    with Database.open(str(tmp_path / "results.db"), create=True) as store:
        store.append("almaty", [vantage("almaty")])
        for number in range(3):
            store.append("almaty", full_cycle(number, "almaty"), blobs())
        with store.engine.connect() as connection:
            made = next_batch(connection, "almaty", START)
            assert made is not None
            assert next_batch(connection, "almaty", made[1]) is None
            assert next_batch(connection, "almaty", START) == made  # the same rows, the same bytes
    return made


def packed(lines: list[str]) -> bytes:
    return gzip.compress("\n".join((*lines, "")).encode())


def opened(body: bytes) -> list[str]:
    return gzip.decompress(body).decode().splitlines()


def refused(body: bytes) -> Refusal:
    with pytest.raises(BatchRefusedError) as caught:
        read_batch(body)
    return caught.value.reason


def test_what_was_written_is_read_back_with_its_chain_and_its_blobs(written: tuple[bytes, End]) -> None:
    body, end = written
    batch = read_batch(body)
    assert (batch.vantage_id, batch.after, batch.end) == ("almaty", START, end)
    assert [link.end.chain_seq for link in batch.links] == list(range(1, end.chain_seq + 1))
    assert sorted(batch.blobs) == sorted((blob.sha256, blob.kind, blob.content) for blob in blobs())


def test_a_row_that_was_altered_left_out_or_moved_gives_another_end(written: tuple[bytes, End]) -> None:
    lines = opened(written[0])
    rows = [n for n, line in enumerate(lines) if n > 1 and not line.startswith("blob ")]
    altered, shorter, moved = list(lines), list(lines), list(lines)
    at = next(n for n in rows if "x.com" in lines[n])
    altered[at] = lines[at].replace("x.com", "y.com")
    del shorter[rows[-2]]
    moved[rows[-1]], moved[rows[-2]] = lines[rows[-2]], lines[rows[-1]]
    for other in (altered, shorter, moved):
        assert read_batch(packed(other)).end.chain_sha256 != written[1].chain_sha256


def replaced(old: str, new: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        at = next(n for n, line in enumerate(lines) if old in line)
        return [*lines[:at], lines[at].replace(old, new, 1), *lines[at + 1 :]]

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: ["nameblind-batch 2", *lines[1:]], Refusal.NOT_A_BATCH),
        (lambda lines: [], Refusal.NOT_A_BATCH),
        (lambda lines: lines[:1], Refusal.NOT_JSON),
        (replaced('"vantage_id":"almaty"', '"vantage_id":"../../etc/passwd"'), Refusal.FOREIGN_ROW),
        (replaced('"chain_seq":0', '"chain_seq":true'), Refusal.SCHEMA),
        (replaced('"chain_seq":0', '"chain_seq":-1'), Refusal.SCHEMA),
        (replaced("vantage {", "../vantage {"), Refusal.SCHEMA),
        (replaced("vantage {", "chain_end {"), Refusal.SCHEMA),
        (replaced('"bearer":"fixed"', '"bearer":1'), Refusal.SCHEMA),
        (replaced('"bearer":"fixed"', '"bearer":"fixed","colour":"red"'), Refusal.SCHEMA),
        (replaced('{"bearer":"fixed",', "{"), Refusal.SCHEMA),
        (replaced('{"bearer"', '{ "bearer"'), Refusal.SCHEMA),
        (replaced('"bearer":"fixed"', '"bearer":"fixed","bearer":"fixed"'), Refusal.REPEATED_KEY),
        (replaced('"bearer":"fixed"', '"bearer":NaN'), Refusal.NOT_FINITE),
        (replaced('"bearer":"fixed"', '"bearer":' + "[" * 5_000 + "]" * 5_000), Refusal.TOO_DEEP),
        (replaced('"bearer":"fixed"', '"bearer":"fixed'), Refusal.NOT_JSON),
        (replaced('"bearer":"fixed"', '"bearer":' + "9" * 5_000), Refusal.NOT_JSON),
        (replaced('"bearer":"fixed"', '"bearer":"\\ud800"'), Refusal.SCHEMA),
        (replaced('"bytes_received":3000000000', '"bytes_received":9223372036854775808'), Refusal.SCHEMA),
        (replaced("blob certificate", "blob program"), Refusal.BAD_BLOB),
        (replaced(base64.b64encode(CERTIFICATE).decode(), "AAAA"), Refusal.BAD_BLOB),
        (replaced(f"blob certificate {sha256(CERTIFICATE)}", f"blob certificate {'0' * 64}"), Refusal.BAD_BLOB),
        (lambda lines: [*lines, *lines[3:4] * (LIMITS.rows + 1)], Refusal.TOO_LARGE),
    ],
)
def test_what_no_program_of_ours_writes_is_refused_with_its_reason(
    written: tuple[bytes, End], change: Callable[[list[str]], list[str]], reason: Refusal
) -> None:
    lines = opened(written[0])
    changed = change(lines)
    assert changed != lines
    assert refused(packed(changed)) is reason


def test_what_is_no_gzip_ends_early_or_goes_on_is_refused(written: tuple[bytes, End]) -> None:
    body = written[0]
    for other in (b"", b"not gzip", body[:-9], body + b"more", body[:40] + b"\x00" + body[41:]):
        assert refused(other) in {Refusal.NOT_GZIP, Refusal.NOT_A_BATCH}


@pytest.mark.parametrize("line", [b"\0", b"\n"], ids=["one line without an end", "lines without end"])
def test_a_bomb_is_not_opened_beyond_the_limit(line: bytes) -> None:
    bomb = gzip.compress(line * 2**29)  # 512 MiB in half a megabyte
    assert len(bomb) < LIMITS.compressed_bytes
    tracemalloc.start()
    try:
        assert refused(bomb) in {Refusal.TOO_LARGE, Refusal.NOT_A_BATCH}
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


def test_a_body_above_the_limit_is_not_opened_at_all() -> None:
    assert refused(b"\x1f\x8b" + bytes(LIMITS.compressed_bytes)) is Refusal.TOO_LARGE
