"""What a middlebox reads in a payload: the SNI of a ClientHello, the head of an HTTP request, a DNS question.

Pure functions of bytes, which give ``None`` for whatever they cannot read (yet)
and never raise. They read as much as censors' boxes are known to read, and no
more: no decryption, no second message.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_RECORD_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
_EXTENSION_SERVER_NAME: Final = 0

QUERY_TYPES: Final = {"A": 1, "AAAA": 28}
_CLASS_IN: Final = 1
NOERROR: Final = 0
NXDOMAIN: Final = 3


def is_name_under(name: str, domains: Iterable[str]) -> bool:
    """Tell whether ``name`` is one of ``domains`` or a subdomain of one, in whatever case."""
    name = name.lower().rstrip(".")
    return any(name == domain or name.endswith("." + domain) for domain in domains)


class Reader:
    """Takes length-prefixed fields off bytes; raises IndexError where there are too few."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Take ``count`` bytes."""
        piece = self._data[self._at : self._at + count]
        if len(piece) < count:
            raise IndexError
        self._at += count
        return piece

    def number(self, width: int) -> int:
        """Take a number of ``width`` bytes."""
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> Reader:
        """Take a field that a length of ``width`` bytes precedes."""
        return Reader(self.take(self.number(width)))

    def rest(self) -> bytes:
        """Take all that is left."""
        return self.take(len(self._data) - self._at)

    @property
    def position(self) -> int:
        """Give how many bytes were taken."""
        return self._at

    @property
    def is_empty(self) -> bool:
        """Tell whether all is taken."""
        return self._at >= len(self._data)


def server_name(stream: bytes) -> str | None:
    """Give the SNI of the ClientHello that a TCP stream begins with (RFC 8446, RFC 6066), in lower case.

    ``None`` while the hello is incomplete, and where it has no SNI or is none.
    """
    return server_name_of_hello(_handshake_bytes(stream))


def server_name_of_hello(handshake: bytes) -> str | None:
    """Give the SNI of the ClientHello that a handshake without record layer begins with, as QUIC carries it."""
    try:
        hello = _client_hello(handshake)
        hello.take(2 + 32)  # version, random
        hello.vector(1)  # session
        hello.vector(2)  # cipher suites
        hello.vector(1)  # compression
        extensions = hello.vector(2)
        while not extensions.is_empty:
            kind, body = extensions.number(2), extensions.vector(2)
            if kind == _EXTENSION_SERVER_NAME:
                names = body.vector(2)
                names.take(1)  # the only type there is: a host name
                return names.vector(2).rest().decode("ascii").lower()
    except (IndexError, UnicodeDecodeError):
        pass
    return None


def _handshake_bytes(stream: bytes) -> bytes:
    """Join the leading handshake records of a stream."""
    joined = b""
    reader = Reader(stream)
    while not reader.is_empty:
        try:
            if reader.number(1) != _RECORD_HANDSHAKE:
                break
            reader.take(2)
            joined += reader.vector(2).rest()
        except IndexError:
            break  # the last record is not all here yet; the hello may be
    return joined


def _client_hello(handshake: bytes) -> Reader:
    reader = Reader(handshake)
    if reader.number(1) != _CLIENT_HELLO:
        raise IndexError
    return reader.vector(3)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The head of an HTTP/1 request, as far as a middlebox reads it."""

    method: str
    path: str
    """With the query."""
    host: str | None
    """In lower case, without a port."""


def request_head(stream: bytes) -> RequestHead | None:
    """Read the HTTP/1 request that a TCP stream begins with; ``None`` until its head is complete."""
    head, end, _ = stream.partition(b"\r\n\r\n")
    if not end:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        return None
    host = None
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().lower() == "host":
            host = host_of(value)
            break
    return RequestHead(method=parts[0], path=parts[1], host=host)


def host_of(authority: str) -> str:
    """Give the host of a Host header or of an HTTP/3 authority: in lower case, without the port."""
    authority = authority.strip().lower()
    return authority if authority.endswith("]") else authority.rsplit(":", 1)[0]


@dataclass(frozen=True, slots=True)
class Question:
    """The one question of a DNS query."""

    identifier: int
    name: str
    """In lower case, without the final dot."""
    query_type: int
    is_recursion_desired: bool
    section: bytes
    """The question as it stands on the wire, to be repeated in an answer."""


def dns_question(message: bytes) -> Question | None:
    """Read a DNS query (RFC 1035); ``None`` for answers and for whatever has not just one question."""
    try:
        reader = Reader(message)
        identifier, flags, questions = reader.number(2), reader.number(2), reader.number(2)
        reader.take(6)
        if flags & 0x8000 or questions != 1:
            return None
        labels: list[str] = []
        length = 0
        while size := reader.number(1):
            if size > 63:
                return None
            labels.append(reader.take(size).decode("ascii").lower())
            length += size + 1
        query_type = reader.number(2)
        reader.take(2)
    except (IndexError, UnicodeDecodeError):
        return None
    if length > 254:
        return None
    section = message[12 : 12 + length + 1 + 4]
    return Question(identifier, ".".join(labels), query_type, bool(flags & 0x0100), section)


def dns_answer(
    question: Question, addresses: Sequence[IPv4Address | IPv6Address | str], *, rcode: int = NOERROR, ttl_s: int = 60
) -> bytes:
    """Write an answer to ``question``: those of ``addresses`` that are of the type it asks for, or ``rcode``."""
    wanted = [
        address.packed
        for address in map(ip_address, addresses)
        if question.query_type == QUERY_TYPES["A" if address.version == 4 else "AAAA"]
    ]
    flags = 0x8080 | question.is_recursion_desired << 8 | rcode
    head = struct.pack("!6H", question.identifier, flags, 1, len(wanted), 0, 0)
    records = b"".join(
        struct.pack("!HHHIH", 0xC00C, question.query_type, _CLASS_IN, ttl_s, len(packed)) + packed for packed in wanted
    )
    return head + question.section + records
