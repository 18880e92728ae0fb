"""httpx over a connection that a step has opened, with limits that hold.

httpx's own time-outs bound each read and not the exchange, and its exceptions
fold different causes into one. Here every read ends at one absolute deadline
and within a budget of bytes, and the original cause is kept.

The client is shown the status and the body alone: it would parse cookies and
redirects, and the peer's headers are not its business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore
import httpx

from probe.steps.failing import TooMuchError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from probe.net import Stream
    from probe.steps.progress import Progress

_MARK = b"HTTP/"


class Wire(httpcore.AsyncNetworkStream):
    """What httpcore reads from and writes to: our stream, a deadline and a budget."""

    def __init__(self, stream: Stream, deadline: float, budget_bytes: int, progress: Progress) -> None:
        self._stream = stream
        self._deadline = deadline
        self._progress = progress
        self._opening = b""
        self.budget_bytes = budget_bytes
        """Bytes that may still be read; the reader raises or lowers it."""
        self.cause: OSError | TooMuchError | None = None
        """What went wrong on the connection itself, first."""
        self.is_ended = False
        """The peer closed its side."""

    @property
    def is_answered(self) -> bool:
        """Say whether any byte of the peer's came."""
        return bool(self._opening)

    @property
    def is_http(self) -> bool:
        """Say whether what came so far could be the beginning of an HTTP/1 answer."""
        return _MARK.startswith(self._opening)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature; ours is the deadline
        """Give the next bytes. httpcore.ReadError, with the cause kept aside."""
        del timeout
        if self.budget_bytes <= 0:
            self.cause = self.cause or TooMuchError("more bytes than the limit allows")
            raise httpcore.ReadError
        try:
            data = await self._stream.read(min(max_bytes, self.budget_bytes), self._deadline)
        except OSError as error:
            self.cause = self.cause or error
            raise httpcore.ReadError from error
        if data:
            self._progress.answered()
        self.budget_bytes -= len(data)
        self._opening += data[: len(_MARK) - len(self._opening)]
        self.is_ended = not data
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature; ours is the deadline
        """Send. httpcore.WriteError, after which httpcore still looks for an answer."""
        del timeout
        try:
            await self._stream.write(buffer, self._deadline)
        except OSError as error:
            self.cause = self.cause or error
            raise httpcore.WriteError from error
        self._progress.request_sent()

    async def aclose(self) -> None:
        """Leave the connection open: it belongs to whoever opened the wire."""


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class Transport(httpx.AsyncBaseTransport):
    """Sends one request over one wire."""

    def __init__(self, wire: Wire, body_budget_bytes: int) -> None:
        self._wire = wire
        self._body_budget_bytes = body_budget_bytes
        self.headers: list[tuple[str, str]] = []
        """Of the answer: names in lower case, in the order received."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Exchange. httpcore's own exceptions."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        connection = httpcore.AsyncHTTP11Connection(origin=url.origin, stream=self._wire)
        response = await connection.handle_async_request(
            httpcore.Request(method=request.method, url=url, headers=request.headers.raw, content=request.stream)
        )
        self._wire.budget_bytes = self._body_budget_bytes
        self.headers = [(_text(name).lower(), _text(value)) for name, value in response.headers]
        return httpx.Response(response.status, stream=_Body(response))


def _text(data: bytes) -> str:
    """Read a header as UTF-8, which servers send in Location, and else as Latin-1, which takes every byte."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
