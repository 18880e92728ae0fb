"""JSON documents out of files that strangers wrote: one, a list, or one a line; plain or gzip; bounded.

A document that cannot be read is a :class:`Refused` with its place and its
reason, and the next one is read. Nothing here knows what a document means.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

from probe.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
"""One document, inflated. A page of 4 MB in base64 and what surrounds it fits three times."""
FREE_BYTES: Final = 64 * 1024 * 1024
"""Inflated bytes of a file that may come from any number of compressed ones."""
MAX_RATIO: Final = 200
"""Inflated bytes for each compressed one beyond that. Measurements as JSON were seen to reach 30; a bomb has 1,000."""
MAX_DEPTH: Final = 64
"""Levels of lists and objects in a document; measurements have ten."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_NAMES: Final = (".json", ".jsonl", ".ndjson", ".gz")


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON value and where it stood."""

    place: str
    value: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that was left out, and why."""

    place: str
    reason: str


class TooMuchError(ValueError):
    """A file inflates to more than its size can honestly hold."""


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Give the files that are meant: those named, and of a folder all below it that have a name of ours, in order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = sorted(inner for inner in path.rglob("*") if inner.is_file() and inner.suffix in _NAMES)
            if not below:
                raise UserError(f"{path} holds no file named *.json, *.jsonl or *.gz: name another folder")
            found += below
        elif path.is_file():
            found.append(path)
        else:
            raise UserError(f"{path} does not exist: check the path")
    return found


def documents(path: Path) -> Iterator[Document | Refused]:
    """Give every document of a file, or why it was refused. Reads a bounded amount at a time."""
    try:
        with path.open("rb") as raw:
            is_gzip = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            stream: _Readable = _Bounded(gzip.GzipFile(fileobj=raw), path.stat().st_size) if is_gzip else raw
            yield from _of_stream(path.name, stream)
    except TooMuchError as error:
        yield Refused(path.name, str(error))
    except (OSError, EOFError, zlib.error) as error:
        yield Refused(path.name, f"the file cannot be read to its end ({error})")


def loads(text: bytes) -> Any:
    """Read one JSON value; ``ValueError`` for what is none, is too deep, or has numbers that JSON does not have."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError(f"more than {MAX_DEPTH} levels deep") from None
    if _is_deeper(value, MAX_DEPTH):
        raise ValueError(f"more than {MAX_DEPTH} levels deep")
    return value


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


class _Bounded:
    """A stream that inflates, and stops where it gave far more than it was given."""

    def __init__(self, stream: _Readable, compressed_bytes: int) -> None:
        self._stream = stream
        self._left = FREE_BYTES + MAX_RATIO * compressed_bytes

    def read(self, size: int, /) -> bytes:
        return self._counted(self._stream.read(size))

    def readline(self, size: int, /) -> bytes:
        return self._counted(self._stream.readline(size))

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise TooMuchError("the file inflates to far more than its size can honestly hold; the rest is left out")
        return data


def _of_stream(name: str, stream: _Readable) -> Iterator[Document | Refused]:
    """Read line by line; a text that is no document by its first line may be one as a whole."""
    first = stream.readline(MAX_DOCUMENT_BYTES + 1)
    try:
        value = loads(first)
    except ValueError as error:
        if len(first) <= MAX_DOCUMENT_BYTES and first.lstrip()[:1] in {b"{", b"["}:
            yield from _of_whole(name, first, stream, error)
            return
        if first.strip():
            yield Refused(f"{name}:1", _why(first, error))
    else:
        yield from _spread(f"{name}:1", value)
    yield from _of_lines(name, stream, 2)


def _of_whole(name: str, first: bytes, stream: _Readable, error: ValueError) -> Iterator[Document | Refused]:
    """Read the rest as one document; where that is none either, its lines one by one."""
    rest = stream.read(MAX_DOCUMENT_BYTES + 1 - len(first))
    if len(first) + len(rest) <= MAX_DOCUMENT_BYTES:
        try:
            yield from _spread(name, loads(first + rest))
        except ValueError as of_whole:
            lines = rest.splitlines()
            readable = [line for line in lines if line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}"]
            if not readable:
                yield Refused(name, _why(first + rest, of_whole))
                return
            yield Refused(f"{name}:1", _why(first, error))
            yield from _of_texts(name, lines, 2)
        return
    yield Refused(f"{name}:1", _why(first, error))
    *lines, last = rest.split(b"\n")
    yield from _of_texts(name, lines, 2)
    last += stream.readline(MAX_DOCUMENT_BYTES + 1)
    yield from _of_texts(name, [last], 2 + len(lines))
    yield from _of_lines(name, stream, 3 + len(lines))


def _of_lines(name: str, stream: _Readable, number: int) -> Iterator[Document | Refused]:
    while line := stream.readline(MAX_DOCUMENT_BYTES + 1):
        yield from _of_texts(name, [line], number)
        while len(line) > MAX_DOCUMENT_BYTES and not line.endswith(b"\n"):  # the rest of a line that is too long
            line = stream.readline(MAX_DOCUMENT_BYTES + 1)
        number += 1


def _of_texts(name: str, lines: Iterable[bytes], number: int) -> Iterator[Document | Refused]:
    for place, line in enumerate(lines, number):
        if not line.strip():
            continue
        if len(line) > MAX_DOCUMENT_BYTES:
            yield Refused(f"{name}:{place}", f"longer than {MAX_DOCUMENT_BYTES // 1024**2} MiB")
            continue
        try:
            value = loads(line)
        except ValueError as error:
            yield Refused(f"{name}:{place}", _why(line, error))
        else:
            yield from _spread(f"{name}:{place}", value)


def _spread(place: str, value: Any) -> Iterator[Document]:
    """Give the entries of a list one by one."""
    if isinstance(value, list):
        yield from (Document(f"{place}[{index}]", item) for index, item in enumerate(value))
    else:
        yield Document(place, value)


def _why(text: bytes, error: ValueError) -> str:
    if not text.strip():
        return "empty"
    if len(text) > MAX_DOCUMENT_BYTES:
        return f"longer than {MAX_DOCUMENT_BYTES // 1024**2} MiB"
    return f"no JSON that can be read ({str(error)[:120]})"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _is_deeper(value: Any, levels: int) -> bool:
    """Tell whether a value has more levels than allowed; its own recursion is as deep as that at most."""
    if not isinstance(value, list | dict):
        return False
    if levels == 0:
        return True
    inner = value.values() if isinstance(value, dict) else value
    return any(_is_deeper(item, levels - 1) for item in inner if isinstance(item, list | dict))
