"""Reads what we need of a DNS message, and nothing else: header, questions, and the answers' addresses and aliases.

Every byte is a stranger's. dnspython builds a name object for each name of a
message, and a message of 4 kB whose names all point at a long one took it a
third of a second. Here owner names are stepped over, and only what is kept is
decoded, so that the worst message takes some milliseconds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

MESSAGE_BYTES = 4096
_RECORDS = 80
"""What is longer, or counts more records, is no answer for one name, and is not read."""

_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!HHIH")  # type, class, time to live, length
_QUESTION = struct.Struct("!HH")
_OPTION = struct.Struct("!HH")  # code, length
_A, _CNAME, _TXT, _AAAA, _OPT = 1, 5, 16, 28, 41
_NSID = 3  # an option of EDNS, RFC 5001
_NAME_BYTES = 255
_LABEL_BYTES = 63
_POINTER = 0xC0
_ESCAPED = b'"().;\\@$'
_TEXTS = tuple(
    f"\\{byte:c}" if byte in _ESCAPED else chr(byte) if 0x20 < byte < 0x7F else f"\\{byte:03d}" for byte in range(256)
)


class _MalformedError(Exception):
    """The bytes are no DNS message."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a message; the name in lower case, label by label, without the root."""

    labels: tuple[bytes, ...]
    query_type: int
    query_class: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What was read of a message (RFC 1035, section 4.1)."""

    identifier: int
    flags: int
    rcode: int
    """With the upper bits that EDNS brings (RFC 6891)."""
    questions: tuple[Asked, ...]
    addresses: tuple[str, ...]
    aliases: tuple[str, ...]
    """Targets of CNAME records, absolute and escaped as in a zone file."""
    texts: tuple[bytes, ...] = ()
    """The strings of TXT records, each record's joined."""
    nsid: bytes | None = None
    """What the server calls itself, where it was asked and says so (RFC 5001)."""


def read_reply(raw: bytes, most_kept: int) -> Reply | None:
    """Read a message, with up to ``most_kept`` addresses and aliases each; ``None`` for what is none."""
    if not _HEADER.size <= len(raw) <= MESSAGE_BYTES:
        return None
    identifier, flags, *counts = _HEADER.unpack_from(raw)
    if sum(counts) > _RECORDS:
        return None
    try:
        return _read(raw, identifier, flags, counts, most_kept)
    except (_MalformedError, struct.error, IndexError):
        return None


def _read(raw: bytes, identifier: int, flags: int, counts: list[int], most_kept: int) -> Reply:
    at = _HEADER.size
    questions: list[Asked] = []
    addresses: list[str] = []
    aliases: list[str] = []
    texts: list[bytes] = []
    nsid: bytes | None = None
    rcode = flags & 0x0F
    for _ in range(counts[0]):
        labels, after = _labels(raw, at), _after_name(raw, at)
        questions.append(Asked(tuple(label.lower() for label in labels), *_QUESTION.unpack_from(raw, after)))
        at = after + _QUESTION.size
    for number in range(sum(counts[1:])):
        at = _after_name(raw, at)
        kind, _, time_to_live, length = _RECORD.unpack_from(raw, at)
        at += _RECORD.size
        data = raw[at : at + length]
        if len(data) < length:
            raise _MalformedError
        if kind == _OPT:
            rcode |= time_to_live >> 24 << 4
            nsid = _option(data, _NSID)
        elif number < counts[1]:
            if kind in {_A, _AAAA}:
                addresses.append(_address(kind, data))
            elif kind == _CNAME:
                if _after_name(raw, at) != at + length:
                    raise _MalformedError
                aliases.append(_text(_labels(raw, at)))
            elif kind == _TXT:
                texts.append(_joined(data))
        at += length
    return Reply(
        identifier,
        flags,
        rcode,
        tuple(questions),
        tuple(addresses[:most_kept]),
        tuple(aliases[:most_kept]),
        tuple(texts[:most_kept]),
        nsid,
    )


def _joined(data: bytes) -> bytes:
    """Join the strings of a TXT record, as far as they go: each has its length before it."""
    at, text = 0, b""
    while at < len(data):
        text += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return text


def _option(data: bytes, wanted: int) -> bytes | None:
    """Find an option in the data of an OPT record; an empty one is what a question has, and no answer."""
    at = 0
    while at + _OPTION.size < len(data):
        code, length = _OPTION.unpack_from(data, at)
        at += _OPTION.size
        if code == wanted and length:
            return data[at : at + length]
        at += length
    return None


def _address(kind: int, data: bytes) -> str:
    if len(data) != (4 if kind == _A else 16):
        raise _MalformedError
    return str(IPv4Address(data) if kind == _A else IPv6Address(data))


def _after_name(raw: bytes, at: int) -> int:
    """Step over a name without following its pointer."""
    while size := raw[at]:
        if size >= _POINTER:
            return at + 2
        if size > _LABEL_BYTES:
            raise _MalformedError
        at += 1 + size
    return at + 1


def _labels(raw: bytes, at: int) -> list[bytes]:
    """Decode a name. A pointer leads strictly backwards, so that none can go round in a circle."""
    labels: list[bytes] = []
    length, least = 1, at
    while size := raw[at]:
        if size >= _POINTER:
            at = (size & ~_POINTER) << 8 | raw[at + 1]
            if at >= least:
                raise _MalformedError
            least = at
            continue
        length += 1 + size
        if size > _LABEL_BYTES or length > _NAME_BYTES or at + 1 + size > len(raw):
            raise _MalformedError
        labels.append(raw[at + 1 : at + 1 + size])
        at += 1 + size
    return labels


def _text(labels: list[bytes]) -> str:
    return "".join("".join(_TEXTS[byte] for byte in label) + "." for label in labels) or "."
