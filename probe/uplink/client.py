"""Talking to a collector: signed, bounded in size and time, from one address to the next, patient.

Nothing that a collector says is trusted but what it signed: the schedule.
"""

from __future__ import annotations

import json
import random
import ssl
import time
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import certifi
import httpx

from probe.clock import SystemClock
from probe.errors import UserError
from probe.uplink.batch import MEDIA_TYPE
from probe.uplink.signing import sign_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from probe.clock import Clock

MOST_ANSWER_BYTES: Final = 512 * 1024
"""A schedule takes some kilobytes."""

SILENT_S: Final = 20.0
"""Without a byte for so long, an address is taken for dead."""

TIMEOUT_S: Final = 180.0
"""For one request, however it drips: some 100 kB through 1 kB/s."""

TRY_LATER: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses (RFC 9110) after which the same request may succeed."""

FIRST_WAIT_S: Final = 2.0
LONGEST_WAIT_S: Final = 300.0


class UnreachableError(Exception):
    """No address answered in time, or none could store anything. Nothing is lost: the facts are here."""


class DeclinedError(Exception):
    """The collector answered and said no."""

    def __init__(self, status: int, reason: str, message: str, answer: dict[str, Any]) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    values: dict[str, Any]
    """Of the JSON object; empty where there was none."""
    address: str
    """Which of the collector's answered."""


class Client:
    """Requests of one probe to a collector that has one address or several.

    ``patience_s``: how long to try again while nobody answers, tries and pauses together. Between tries it
    waits a random time, twice as long at most as before (full jitter), so that
    a fleet that was cut off does not come back in one second.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        patience_s: float,
        ca: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,  # noqa: TID251 - a command waits; no fact is dated by it
        draw: random.Random | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._addresses = [checked_address(address) for address in addresses]
        self._patience_s = patience_s
        self._sleep = sleep
        self._clock = clock or SystemClock()
        self._draw = draw or random.Random()  # noqa: S311 - spreads tries over time; nothing is kept secret with it
        self._http = httpx.Client(
            verify=_context(ca), timeout=SILENT_S, follow_redirects=False, trust_env=False, http2=False
        )

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def ask(
        self, key: Ed25519PrivateKey, method: str, path: str, probe_id: str, body: bytes = b"", media_type: str = ""
    ) -> Answer:
        """Ask until somebody answers. ``DeclinedError`` for a no, ``UnreachableError`` when patience ends."""
        headers = sign_request(key, method, path, probe_id, body) | {"Accept-Encoding": "identity"}
        if body:
            headers["Content-Type"] = media_type or MEDIA_TYPE
        waited, wait, why = 0.0, FIRST_WAIT_S, ""
        while True:
            least, begun = 0.0, self._clock.monotonic()
            for address in tuple(self._addresses):
                try:
                    answer = self._once(method, address, path, headers, body)
                except httpx.HTTPError as error:
                    why = f"{address}: {type(error).__name__}"
                    continue
                if answer.status in TRY_LATER:
                    why, least = f"{address}: status {answer.status}", max(least, _retry_after(answer))
                    continue
                self._prefer(address)
                if answer.status >= 300 and answer.status != 304:
                    raise _declined(answer)
                return answer
            waited += self._clock.monotonic() - begun
            pause = max(least, self._draw.uniform(0.0, wait))
            if waited + pause > self._patience_s:
                raise UnreachableError(why)
            self._sleep(pause)
            waited, wait = waited + pause, min(2 * wait, LONGEST_WAIT_S)

    def _prefer(self, address: str) -> None:
        """Ask whoever answered first from now on."""
        self._addresses.remove(address)
        self._addresses.insert(0, address)

    def _once(self, method: str, address: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Ask one address. ``HTTPError`` where nothing comes that a collector would say: then the next one is asked."""
        deadline = self._clock.monotonic() + TIMEOUT_S
        with self._http.stream(method, address + path, headers=headers, content=body or None) as response:
            if "content-encoding" in response.headers:  # none was asked for; what is packed may be a bomb
                raise httpx.ReadError("the answer is packed")
            content = bytearray()
            for piece in response.iter_raw():  # as it comes; in pieces of a size a drip would be waited for
                content += piece
                if len(content) > MOST_ANSWER_BYTES:
                    raise httpx.ReadError("the answer is too long")
                if self._clock.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer drips")
        values: Any = {}
        try:
            values = json.loads(content) if content else {}
        except (ValueError, RecursionError):
            values = None
        is_ours = isinstance(values, dict) and (response.status_code < 300 or {"reason", "message"} <= values.keys())
        if not is_ours and response.status_code not in {304, *TRY_LATER}:  # a portal, a parked name, a proxy
            raise httpx.ReadError("the answer is no collector's")
        told = values if isinstance(values, dict) else {}
        if "retry-after" in response.headers:
            told["retry_after"] = response.headers["retry-after"]
        return Answer(response.status_code, told, address)


def checked_address(address: str) -> str:
    """Give a collector's address without a slash at its end. ``UserError`` for one that is not used.

    Plain HTTP reaches this machine alone: everywhere else it would show the facts to whoever watches the line.
    """
    parts = urlsplit(address)
    if parts.scheme == "http" and _is_here(parts.hostname or ""):
        return address.rstrip("/")
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise UserError(
            f"{address[:100]!r} is no address of a collector: write https://NAME, as the researcher gave it"
        )
    return address.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca or certifi.where()))
    except (OSError, ssl.SSLError) as error:
        raise UserError(f"{ca} holds no certificates that can be read ({error}); name a PEM file") from error


def _retry_after(answer: Answer) -> float:
    try:
        return min(float(answer.values.get("retry_after", 0)), LONGEST_WAIT_S)
    except (TypeError, ValueError):
        return 0.0


def _declined(answer: Answer) -> DeclinedError:
    """Quote what a collector says, as text that can do nothing in a terminal."""
    reason, message = (str(answer.values.get(key, ""))[:300] for key in ("reason", "message"))
    shown = "".join(letter if letter.isprintable() else "?" for letter in message) or f"status {answer.status}"
    return DeclinedError(answer.status, reason[:40], shown, answer.values)
