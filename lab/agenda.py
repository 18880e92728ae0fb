"""What is due when: one heap of calls, and one timer of the event loop for all of them.

asyncio's own timers cost more than a packet may, and it wakes up to a millisecond
late. So a call is given the time that it was due, not the time that it is, and
what follows from it is reckoned from there: lateness does not add up along a path.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Agenda:
    """Calls to be made, by time on the loop's clock, in seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Callable[..., None], Any, Any]] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def at(self, due: float, call: Callable[[Any, Any, float], None], first: Any, second: Any) -> None:
        """Have ``call(first, second, due)`` made when it is due; calls due at one time keep their order."""
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, call, first, second))
        if self._timer is None or due < self._timer_at:
            self._set_timer(due)

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._loop.call_at(due, self._run)

    def _run(self) -> None:
        self._timer = None
        heap = self._heap
        now = self._loop.time()
        while heap and heap[0][0] <= now:
            due, _, call, first, second = heapq.heappop(heap)
            call(first, second, due)
        if heap and (self._timer is None or heap[0][0] < self._timer_at):
            self._set_timer(heap[0][0])
