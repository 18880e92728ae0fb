"""How a transfer goes: a few points of a curve, taken while it runs, at a cost that no transfer feels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.clock import Clock

MOST_POINTS = 64
_SPACING_S = 0.01  # at first; wider whenever the places run out, so that any length of time fits


class Progress:
    """Seconds since the request, and bytes received on the TCP connection by then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.first_byte_s: float | None = None
        """When the answer began; over TLS, when the first record of it was whole."""
        self._begin()

    def _begin(self) -> None:
        self._began = self._clock.monotonic()
        self._count = 0
        self._spacing_s = _SPACING_S
        self._points: list[tuple[float, int]] = []

    def request_sent(self) -> None:
        """Begin anew: all is counted from here."""
        self._begin()

    def answered(self) -> None:
        """Take note that bytes of the answer came."""
        if self.first_byte_s is None:
            self.first_byte_s = self._clock.monotonic() - self._began

    def note(self, count: int) -> None:
        """Take note of ``count`` more bytes on the connection."""
        self._count += count
        at_s = self._clock.monotonic() - self._began
        if self._points and at_s - self._points[-1][0] < self._spacing_s:
            return
        if len(self._points) == MOST_POINTS - 1:  # the last place is for the end
            self._points = self._points[::2]
            self._spacing_s = at_s / (MOST_POINTS // 2)
        self._points.append((at_s, self._count))

    def ended(self) -> tuple[tuple[float, int], ...]:
        """Give the points, and the end as the last one: of a transfer that stalled, long after its last byte."""
        if not self._points:
            return ()
        return (*self._points, (self._clock.monotonic() - self._began, self._count))
