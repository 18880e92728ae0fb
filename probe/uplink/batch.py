r"""A batch: consecutive rows of one vantage's hash chain, as they travel.

Lines of UTF-8, compressed (gzip, RFC 1952)::

    nameblind-batch 1
    {"after":{"chain_seq":0,"chain_sha256":"00…"},"vantage_id":"…"}
    vantage {"bearer":"fixed","country":"KZ",…}
    cycle {"clock_source":"system",…}
    blob certificate 3f… MIIB…

A row's text is what the chain hashes (:mod:`probe.store.canonical`), so the
sender's chain is recomputed from the lines, and a row that was altered, left
out or put elsewhere gives another end. The chain's place is the rising number
and its hash the identity of all that was ever sent: a repeat, a gap and a
rewind are seen without any other book-keeping.

What comes from a stranger is read line by line under :data:`LIMITS`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from probe.store.canonical import canonical_json, content, row_sha256, values_of
from probe.store.chain import TABLES, End, blobs_named_by, end_of, window
from probe.store.models import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table

MEDIA_TYPE: Final = "application/vnd.nameblind.batch"
_FIRST_LINE: Final = "nameblind-batch 1"
_BLOB: Final = "blob"
_TABLE_OF: Final = {table.name: table for table in TABLES}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a batch may be. A sender stays well below, a receiver refuses what is above."""

    compressed_bytes: int = 4 * 2**20
    bytes: int = 12 * 2**20
    line_bytes: int = 2 * 2**20
    rows: int = 2_000
    blobs: int = 1_000


LIMITS: Final = Limits()

_ENOUGH_BYTES: Final = LIMITS.bytes // 4
"""A sender ends a batch here; one row and its blobs, a captured connection at most, may still be added."""


class Refusal(StrEnum):
    """Why a batch is not taken."""

    TOO_LARGE = "too-large"
    NOT_GZIP = "not-gzip"
    NOT_A_BATCH = "not-a-batch"
    NOT_JSON = "not-json"
    TOO_DEEP = "too-deep"
    NOT_FINITE = "not-finite"
    REPEATED_KEY = "repeated-key"
    SCHEMA = "schema"
    FOREIGN_ROW = "foreign-row"
    BAD_BLOB = "bad-blob"


class BatchRefusedError(Exception):
    """A batch that is not taken, with the reason and a sentence."""

    def __init__(self, reason: Refusal, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Link:
    """One row with its place in the chain."""

    table: Table
    values: dict[str, Any]
    end: End
    """The chain's end with this row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows that follow ``after``, and the blobs that they name."""

    vantage_id: str
    after: End
    links: tuple[Link, ...]
    blobs: tuple[tuple[str, str, bytes], ...]
    """(SHA-256, kind, content)."""

    @property
    def end(self) -> End:
        """Where the chain ends with all of it."""
        return self.links[-1].end if self.links else self.after


# ---------------------------------------------------------------- writing


def next_batch(store: Connection, vantage_id: str, after: End) -> tuple[bytes, End] | None:
    """Give the batch that follows ``after`` in a store, compressed, and its end; ``None`` where nothing does."""
    last = end_of(store, vantage_id).chain_seq
    rows = window(store, vantage_id, after.chain_seq + 1, min(after.chain_seq + LIMITS.rows, last))
    if not rows:
        return None
    head = {"vantage_id": vantage_id, "after": _plain(after)}
    lines = [_FIRST_LINE, canonical_json(head)]
    size, sent, end = 0, set[str](), after
    for row in rows:
        text = f"{row.table.name} {content(row.table, row.values)}"
        blobs = list(_blob_lines(store, {sha256 for sha256, _ in blobs_named_by(row)} - sent))
        size += len(text.encode()) + sum(len(line) for _, line in blobs)
        if size > _ENOUGH_BYTES and end != after:
            break
        lines += [text, *(line for _, line in blobs)]
        sent |= {sha256 for sha256, _ in blobs}
        end = End(row.seq, row.sha256)
    packed = zlib.compressobj(wbits=31)  # a gzip header without a time: the same rows give the same bytes
    return packed.compress("\n".join((*lines, "")).encode()) + packed.flush(), end


def _blob_lines(store: Connection, wanted: set[str]) -> Iterator[tuple[str, str]]:
    for sha256 in sorted(wanted):
        found = store.execute(Blob.__table__.select().where(Blob.sha256 == sha256)).one_or_none()
        if found is not None:  # of bodies, some are stored
            yield sha256, f"{_BLOB} {found.kind} {sha256} {base64.b64encode(found.content).decode()}"


def _plain(end: End) -> dict[str, Any]:
    return {"chain_seq": end.chain_seq, "chain_sha256": end.chain_sha256}


# ---------------------------------------------------------------- reading


def read_batch(body: bytes) -> Batch:
    """Read a batch from a stranger. ``BatchRefusedError`` for whatever a program of ours would not have written."""
    if len(body) > LIMITS.compressed_bytes:
        raise BatchRefusedError(Refusal.TOO_LARGE, f"a batch holds at most {LIMITS.compressed_bytes} bytes, compressed")
    lines = _lines(body)
    if next(lines, None) != _FIRST_LINE:
        raise BatchRefusedError(Refusal.NOT_A_BATCH, f"a batch begins with the line {_FIRST_LINE!r}")
    vantage_id, after = _head(next(lines, ""))
    links: list[Link] = []
    blobs: list[tuple[str, str, bytes]] = []
    end = after
    for line in lines:
        kind, _, text = line.partition(" ")
        if kind == _BLOB:
            blobs.append(_blob(text))
        else:
            links.append(_link(kind, text, vantage_id, end))
            end = links[-1].end
        if len(links) > LIMITS.rows or len(blobs) > LIMITS.blobs:
            raise BatchRefusedError(
                Refusal.TOO_LARGE, f"a batch holds at most {LIMITS.rows} rows and {LIMITS.blobs} blobs"
            )
    return Batch(vantage_id=vantage_id, after=after, links=tuple(links), blobs=tuple(blobs))


def _lines(body: bytes) -> Iterator[str]:
    """Open a body as far as it is within the limits, and give its lines."""
    opener = zlib.decompressobj(wbits=31)
    opened, rest, packed = 0, b"", body
    while packed and not opener.eof:
        try:
            piece = opener.decompress(packed, 2**18)
        except zlib.error:
            raise BatchRefusedError(Refusal.NOT_GZIP, "the body is not compressed with gzip") from None
        packed = opener.unconsumed_tail
        opened += len(piece)
        *whole, rest = (rest + piece).split(b"\n")
        if opened > LIMITS.bytes or len(rest) > LIMITS.line_bytes or any(len(w) > LIMITS.line_bytes for w in whole):
            raise BatchRefusedError(
                Refusal.TOO_LARGE,
                f"a batch holds at most {LIMITS.bytes} bytes when opened, and {LIMITS.line_bytes} in a line",
            )
        for line in whole:
            yield _text(line)
    if not opener.eof or opener.unused_data or rest:
        raise BatchRefusedError(Refusal.NOT_GZIP, "the body ends in the middle, or goes on after its end")


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BatchRefusedError(Refusal.NOT_A_BATCH, "a line is not UTF-8") from None


def _head(line: str) -> tuple[str, End]:
    head = _json(line)
    match head:
        case {"vantage_id": str(vantage_id), "after": {"chain_seq": int(seq), "chain_sha256": str(sha256)}} if (
            len(head) == 2
            and len(head["after"]) == 2
            and 0 < len(vantage_id) <= 64
            and not isinstance(seq, bool)
            and 0 <= seq < 2**53
            and _is_hash(sha256)
            and canonical_json(head) == line
        ):
            return vantage_id, End(seq, sha256)
    raise BatchRefusedError(
        Refusal.SCHEMA, "the second line is the canonical JSON object of vantage_id and after (chain_seq, chain_sha256)"
    )


def _link(table_name: str, text: str, vantage_id: str, previous: End) -> Link:
    table = _TABLE_OF.get(table_name)
    if table is None:
        raise BatchRefusedError(
            Refusal.SCHEMA, f"there is no table {table_name[:40]!r} of facts; a newer collector may know it"
        )
    place = previous.chain_seq + 1
    try:
        values = values_of(table, text)
    except (ValueError, RecursionError) as error:
        _json(text)  # names what is wrong with the JSON itself
        raise BatchRefusedError(Refusal.SCHEMA, f"row {place}: {error}") from None
    if values["vantage_id"] != vantage_id or (place == 1) != (table is TABLES[0]):
        raise BatchRefusedError(
            Refusal.FOREIGN_ROW, f"row {place} is not of this vantage, or a chain does not begin with its vantage row"
        )
    return Link(table, values, End(place, row_sha256(previous.chain_sha256, table.name, text)))


def _blob(text: str) -> tuple[str, str, bytes]:
    kind, _, rest = text.partition(" ")
    sha256, _, encoded = rest.partition(" ")
    try:
        stored = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        stored = b""
    if kind not in _BLOB_KINDS or hashlib.sha256(stored).hexdigest() != sha256:
        raise BatchRefusedError(Refusal.BAD_BLOB, "a blob is not of a known kind, or does not have the hash it names")
    return sha256, kind, stored


_BLOB_KINDS: Final = frozenset({"body", "certificate", "pcap"})


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)


def _json(text: str) -> Any:
    """Parse JSON strictly, and name what is wrong with it."""
    try:
        return json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_refuse_constant)
    except RecursionError:
        raise BatchRefusedError(Refusal.TOO_DEEP, "JSON is nested too deeply") from None
    except ValueError:
        raise BatchRefusedError(Refusal.NOT_JSON, "a line holds no JSON where one was expected") from None


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise BatchRefusedError(Refusal.REPEATED_KEY, "an object has a key twice")
    return values


def _refuse_constant(word: str) -> Any:
    raise BatchRefusedError(Refusal.NOT_FINITE, f"{word} is no number")
