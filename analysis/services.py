"""How a service fares as a whole: from the states of its targets, by what its schedule says that people need of it.

A service of many hosts may be dead while its front page opens, and alive while one
of its hosts is dead. Its schedule gives each target a role (site, short links,
images, video) and says of which roles all are needed, and of which any will do.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.states import State
from analysis.times import iso
from probe.model import TargetKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from analysis.facts import MeasurementFacts

    Judged = tuple[MeasurementFacts, State]

GRAVEST_FIRST = (
    State.BLOCKED,
    State.TAMPERED,
    State.THROTTLED,
    State.WITHHELD,
    State.SUSPECTED,
    State.DARK,
    State.LOCAL,
    State.DOWN,
    State.INSUFFICIENT,
)
"""Of several targets that a service lacks, which state stands for the service."""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One service at one vantage in one cycle."""

    vantage: str
    service: str
    cycle: str
    started_at: datetime
    state: State
    """``ok`` where people have what they need of it; else the gravest state of what they lack."""
    roles: dict[str, State]
    """The state of each; a target without a role stands under its own name."""

    @property
    def is_whole(self) -> bool:
        """Whether every role is there, needed or not."""
        return set(self.roles.values()) == {State.OK}

    def as_dict(self) -> dict[str, Any]:
        """Give it as ``analyze --json`` prints it."""
        return {
            "vantage": self.vantage,
            "service": self.service,
            "cycle": self.cycle,
            "started_at": iso(self.started_at),
            "state": self.state.value,
            "is_whole": self.is_whole,
            "roles": {role: state.value for role, state in self.roles.items()},
        }


def services_of(judged: Iterable[Judged]) -> tuple[ServiceState, ...]:
    """Give every service of every cycle, in order of time. Controls belong to none."""
    grouped: dict[tuple[str, str, str], list[Judged]] = defaultdict(list)
    for measurement, state in judged:
        if measurement.kind == TargetKind.TARGET:
            key = (measurement.vantage_id, measurement.service, measurement.cycle_id)
            grouped[key].append((measurement, state))
    found = [_service_state(key, several) for key, several in sorted(grouped.items())]
    return tuple(sorted(found, key=lambda s: (s.started_at, s.vantage, s.service)))


def _service_state(key: tuple[str, str, str], several: Sequence[Judged]) -> ServiceState:
    vantage, service, cycle = key
    by_role: dict[str, list[State]] = defaultdict(list)
    need_of: dict[str, str | None] = {}
    for measurement, state in several:
        role = measurement.role or measurement.target
        by_role[role].append(state)
        need_of[role] = measurement.need
    roles = {role: _of_role(states) for role, states in sorted(by_role.items())}
    return ServiceState(
        vantage=vantage,
        service=service,
        cycle=cycle,
        started_at=min(measurement.started_at for measurement, _ in several),
        state=usable(roles, need_of),
        roles=roles,
    )


def usable(roles: dict[str, State], need_of: dict[str, str | None]) -> State:
    """Say how a service fares: `ok` with all roles of ``all_of`` and one of ``any_of``; without a rule, with all."""
    needed = [state for role, state in roles.items() if need_of.get(role) == "all"]
    choices = [state for role, state in roles.items() if need_of.get(role) == "any"]
    if not needed and not choices:
        needed = list(roles.values())
    lacking: list[State] = [state for state in needed if state is not State.OK]
    if choices and State.OK not in choices:
        lacking.append(_of_role(choices))
    return min(lacking, key=GRAVEST_FIRST.index, default=State.OK)


def _of_role(states: Sequence[State]) -> State:
    """Give the state of a role: one target that is reached is enough for it, else the gravest counts."""
    return State.OK if State.OK in states else min(states, key=GRAVEST_FIRST.index)
