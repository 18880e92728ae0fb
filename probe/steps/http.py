"""One HTTP/1.1 exchange over an open connection: one request, one answer, then the connection is closed.

Nothing is followed: a redirect's target stands in ``location``, for
:mod:`probe.url` to check. Only headers of a list are kept; a cookie is not
among them, and some servers tell a client its own address in others.

httpx is imported at the first exchange, because a probe mostly sleeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from probe.failures import Failure
from probe.model import Observation, Operation
from probe.sketch import sketch_of
from probe.steps.failing import TooMuchError, failure_of, text_of
from probe.steps.http_body import charset_of, decode, title_of
from probe.steps.progress import Progress

if TYPE_CHECKING:
    from probe.clock import Clock
    from probe.limits import Limits
    from probe.net import Net, Stream
    from probe.steps.http_transport import Wire

Genuine = Callable[[int, Mapping[str, str], bytes], bool]
"""Takes status, headers (names in lower case; of repeated ones the last) and body."""

KEPT_HEADERS = frozenset(
    {
        "age",
        "allow",
        "alt-svc",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-length",
        "content-type",
        "date",
        "last-modified",
        "retry-after",
        "server",
        "transfer-encoding",
        "via",
        "x-cache",
        "x-powered-by",
    }
)
_HEADER_CHARS = 256  # of one value kept; servers' own are far shorter
_HEADERS_KEPT = 64
_LOCATION_CHARS = 2048  # of a redirect's target kept; browsers accept about as much

_REQUEST_HEADERS = (
    # A browser's, so that neither server nor network can tell a measurement from a reader by one line.
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "identity"),
    ("Connection", "close"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpEndpoint:
    """A connection, and what to ask on it."""

    stream: Stream
    address: str
    port: int
    url: str
    """Gives path, query and the Host header."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent beside our own, and in their place where the name is the same."""
    genuine: Genuine | None = None
    """Says of an answer whether it is the helper's own."""
    method: str = "GET"
    content: bytes = b""
    body_limit_bytes: int | None = None
    """Read of the body, in the place of the limit that holds for all."""
    is_enough: Callable[[bytes], bool] | None = None
    """Takes the body as it arrives, and says when the rest need not be read."""
    enough_s: float | None = None
    """The exchange ends then, in the place of the limit that holds for all; the body so far is enough."""

    def body_limit(self, limits: Limits) -> int:
        """Give what is read of the body at most, in bytes."""
        return limits.http_body_bytes if self.body_limit_bytes is None else self.body_limit_bytes


async def exchange(endpoint: HttpEndpoint, net: Net, clock: Clock, limits: Limits) -> Observation:
    """Exchange, within ``limits.http_timeout_s`` as a whole; ``endpoint.stream`` is closed at the end.

    What came before a failure (status, headers, a part of the body) is kept beside it.
    """
    del net  # the connection is open; every step has the same signature
    began = clock.monotonic()
    sent, received = endpoint.stream.bytes_sent, endpoint.stream.bytes_received
    progress = Progress(clock)
    endpoint.stream.watch(progress.note)
    seen = Observation(
        operation=Operation.HTTP,
        started_at=clock.now(),
        started_mono_s=began,
        ended_mono_s=began,
        address=endpoint.address,
        port=endpoint.port,
        source_port=endpoint.stream.source_port,
        url=endpoint.url,
    )
    try:
        seconds = limits.http_timeout_s
        if endpoint.enough_s is not None:
            seconds = min(seconds, endpoint.enough_s)
        seen = await _ask(endpoint, seen, began + seconds, limits, progress)
    finally:
        await endpoint.stream.close()
    return replace(
        seen,
        ended_mono_s=clock.monotonic(),
        bytes_sent=endpoint.stream.bytes_sent - sent,
        bytes_received=endpoint.stream.bytes_received - received,
        first_byte_s=progress.first_byte_s,
        progress=progress.ended(),
    )


async def _ask(
    endpoint: HttpEndpoint, seen: Observation, deadline: float, limits: Limits, progress: Progress
) -> Observation:
    import httpcore
    import httpx

    from probe.steps.http_transport import Transport, Wire

    try:
        url = httpx.URL(endpoint.url)
        headers = _request_headers(url.netloc.decode("ascii"), endpoint.headers)
        request = httpx.Request(endpoint.method, url, headers=headers, content=endpoint.content or None)
    except (httpx.InvalidURL, ValueError) as error:
        return replace(seen, failure=Failure.UNKNOWN, error_text=text_of(error, limits))
    seen = replace(seen, name={name.lower(): value for name, value in headers}["host"])
    wire = Wire(endpoint.stream, deadline, limits.http_head_bytes, progress)
    # Framing may take as much again as the body; a peer that wraps each byte in a chunk is cut short.
    body_bytes = endpoint.body_limit(limits)
    transport = Transport(wire, limits.http_head_bytes + 2 * body_bytes)
    status: int | None = None
    raw = bytearray()
    is_cut = False
    try:
        async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=None) as client:  # noqa: S113 - the wire's deadline bounds the whole exchange, httpx's time-outs only single reads
            response = await client.send(request, stream=True, follow_redirects=False)
            status = response.status_code
            async for chunk in response.aiter_raw():
                is_cut = is_cut or len(raw) + len(chunk) > body_bytes
                raw += chunk[: body_bytes - len(raw)]
                if endpoint.is_enough is not None and not is_cut:
                    is_cut = endpoint.is_enough(chunk)
                if is_cut:
                    wire.budget_bytes = 0  # ends the exchange at the next read
    except httpcore.LocalProtocolError as error:  # a header of the caller's that HTTP does not allow
        return replace(seen, failure=Failure.UNKNOWN, error_text=text_of(error, limits))
    except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
        is_timed = endpoint.enough_s is not None and isinstance(wire.cause, TimeoutError)
        if status is not None and (isinstance(wire.cause, TooMuchError) or is_timed):
            is_cut = True
        else:
            failure, cause = _failure_of(wire, error)
            seen = replace(seen, failure=failure, error_text=text_of(cause, limits))
    seen = replace(seen, is_peer_hello_received=wire.is_answered)
    if status is None:
        return seen
    return _read(seen, status, transport.headers, bytes(raw), is_cut=is_cut, endpoint=endpoint, limits=limits)


def request_bytes(url: str) -> bytes:
    """Give a request for ``url`` as :func:`exchange` sends it; the URL is a checked one."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = _request_headers(parts.netloc, ())
    return "\r\n".join([f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]).encode()


def _request_headers(host: str, extra: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    replaced = {name.lower() for name, _ in extra}
    own = (("Host", host), *_REQUEST_HEADERS)
    return [header for header in own if header[0].lower() not in replaced] + list(extra)


def _failure_of(wire: Wire, error: Exception) -> tuple[Failure, Exception]:
    """Give the failure by what happened on the connection, and by the library's word only where nothing did."""
    if isinstance(wire.cause, TooMuchError):
        return Failure.HTTP_MALFORMED, wire.cause
    if wire.cause is not None:
        return failure_of(wire.cause), wire.cause
    if wire.is_ended and wire.is_http:
        return Failure.EOF, EOFError()
    return Failure.HTTP_MALFORMED, error


def _read(
    seen: Observation,
    status: int,
    headers: list[tuple[str, str]],
    raw: bytes,
    *,
    is_cut: bool,
    endpoint: HttpEndpoint,
    limits: Limits,
) -> Observation:
    """Add what the answer says; without a failure so far, ask whether it is genuine."""
    last = dict(headers)
    body, is_decoded_cut = decode(raw, last.get("content-encoding", ""), endpoint.body_limit(limits))
    is_genuine: bool | None = None
    failure = seen.failure
    if endpoint.genuine is not None and failure is None:
        is_genuine = endpoint.genuine(status, last, body)
        failure = None if is_genuine else Failure.NOT_GENUINE
    kept = [(name, value[:_HEADER_CHARS]) for name, value in headers if name in KEPT_HEADERS]
    location = last.get("location")
    content_type = last.get("content-type", "")
    return replace(
        seen,
        failure=failure,
        status=status,
        headers=tuple(kept[:_HEADERS_KEPT]),
        location=None if location is None else location[:_LOCATION_CHARS],
        body=body,
        body_length_bytes=len(body),
        is_body_truncated=is_cut or is_decoded_cut,
        title=title_of(body, content_type, limits.title_chars),
        body_sketch=None if endpoint.genuine is not None else sketch_of(body, charset_of(body, content_type)),
        is_genuine=is_genuine,
    )
