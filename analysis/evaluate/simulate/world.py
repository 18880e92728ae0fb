"""The world during one episode: what is broken and who acts, and what one exchange through it comes to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probe.failures import Failure

if TYPE_CHECKING:
    from analysis.evaluate.simulate.acts import Act
    from analysis.evaluate.simulate.dice import Dice
    from analysis.evaluate.simulate.faults import Fault

Route = tuple[str, ...]


@dataclass(slots=True)
class World:
    """What holds at each element."""

    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    acts: list[Act] = field(default_factory=list)
    _of_route: dict[Route, tuple[Fault, ...]] = field(default_factory=dict)
    _acts_of: dict[tuple[Route, str, str], tuple[Act, ...]] = field(default_factory=dict)

    def on(self, route: Route) -> tuple[Fault, ...]:
        """Give every fault on a route, in order. The world must be complete by then."""
        found = self._of_route.get(route)
        if found is None:
            found = tuple(fault for element in route for fault in self.faults.get(element, ()))
            self._of_route[route] = found
        return found

    def pass_once(self, route: Route, t: float, flow: int, size: int, rng: Dice) -> str | None:
        """Send one packet there and one back; give what went wrong, or ``None``."""
        for fault in self.on(route):
            if fault.start <= t < fault.end:
                failure = fault.passage(t, flow, size, rng)
                if failure is not None:
                    return failure
        return None

    def try_all(
        self, route: Route, t: float, flow: int, size: int, tries: tuple[float, ...], rng: Dice
    ) -> tuple[str | None, float]:
        """Send, and send again after silence; give what it came to and how long it took."""
        if not self.on(route):
            return None, 0.05 + 0.1 * rng.random()
        for offset in tries:
            failure = self.pass_once(route, t + offset, flow, size, rng)
            if failure != Failure.TIMEOUT:
                return failure, offset + 0.05 + 0.1 * rng.random()
        return Failure.TIMEOUT, tries[-1] + 2.0

    def acting(self, route: Route, layer: str, name: str, t: float) -> Act | None:
        """Give who acts on a name at a layer on this route now."""
        key = (route, layer, name)
        found = self._acts_of.get(key)
        if found is None:
            found = tuple(a for a in self.acts if a.layer == layer and a.element in route and a.reads(name))
            self._acts_of[key] = found
        return next((act for act in found if act.holds(t)), None)

    def slowness(self, route: Route, t: float) -> float:
        """Give by how much a transfer is slowed by what is broken or full."""
        slow = 1.0
        for fault in self.on(route):
            if fault.start <= t < fault.end:
                slow *= fault.slowness
        return slow

    def dead_from(self, route: Route, t: float, rng: Dice) -> int:
        """Give how many elements of a route answer a traced packet, in order."""
        for position, element in enumerate(route):
            for fault in self.faults.get(element, ()):
                if fault.start <= t < fault.end and fault.passage(t, rng.getrandbits(16), 60, rng) is not None:
                    return position
        return len(route)
