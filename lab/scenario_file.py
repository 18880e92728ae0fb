"""Reads a scenario from YAML, with the topology and the schedule that it names.

Unknown keys, names that the topology or the schedule does not have, and a truth
that the timeline contradicts are refused with file, line, key and what was
expected. The entries of the timeline are :mod:`lab.timeline_file`'s, and whether
the truth fits them is :mod:`lab.contradiction`'s.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from analysis.evaluate.truth import CAUSE_OF_STATE, CAUSES, STATES
from lab import contradiction, timeline_file
from lab.during import INSTANT, WHEN_KEYS, when
from lab.scenario import FAMILIES, Happening, Scenario
from lab.topology import Role, Topology
from lab.topology_file import load as load_topology
from lab.truth import Truth
from lab.variation import varied
from lab.yaml_values import LABEL, names_in
from probe.errors import UserError
from probe.schedule import loader
from probe.schedule.names import NAME
from probe.schedule.yaml_reader import ListOf, Place, Placed, Record, UnfitError, optional, read, required
from probe.schedule.yaml_scalars import duration, integer, matching, one_of, scalar, text

if TYPE_CHECKING:
    from probe.schedule.model import Schedule

SCENARIOS: Final = Path(__file__).parent / "scenarios"
SCHEDULES: Final = Path(__file__).parent / "schedules"

MAX_SLOTS: Final = 2000


def names() -> list[str]:
    """Give the names of the scenarios that come with the lab."""
    return names_in(SCENARIOS)


def load(name_or_path: str, *, seed: int | None = None) -> Scenario:
    """Read a scenario by its name, or by the path of its file; ``seed`` varies it. Raises UserError."""
    path = SCENARIOS / f"{name_or_path}.yaml"
    if not path.is_file():
        path = Path(name_or_path)
        if path.suffix != ".yaml":
            raise UserError(
                f"there is no scenario {name_or_path!r}: `nameblind lab list` shows them; or give a .yaml file"
            )
    record = Record(lambda **values: _scenario(path.stem, **values), _keys(path.parent))
    scenario = read(path, record)
    return scenario if seed is None else varied(scenario, seed)


# ---------------------------------------------------------------- the truth and the slots


def _truth(
    *,
    state: str,
    vantages: tuple[str, ...] = (),
    targets: tuple[str, ...] = (),
    accept: tuple[str, ...] = (),
    mechanism: str | None = None,
    cause: str | None = None,
    accept_causes: tuple[str, ...] = (),
    event: str | None = None,
    **times: Any,
) -> Truth:
    if state == "dark" and cause is None:
        raise UnfitError("cause", f"the cause of the darkness: one of {', '.join(CAUSES)}")
    return Truth(
        state=state,
        vantages=frozenset(vantages),
        targets=frozenset(targets),
        accept=frozenset(accept),
        during=when(**times),
        mechanism=mechanism,
        cause=cause or CAUSE_OF_STATE.get(state),
        accept_causes=frozenset(accept_causes),
        event=event,
    )


TRUTH: Final = Record(
    _truth,
    {
        "state": required(one_of(*STATES)),
        "vantages": optional(ListOf(LABEL, at_least=1)),
        "targets": optional(ListOf(NAME, at_least=1)),
        "accept": optional(ListOf(one_of(*STATES))),
        "mechanism": optional(matching(r"[a-z0-9_]+(\.[a-z0-9_]+)*", "a mechanism such as tls.reset.sni")),
        "cause": optional(one_of(*CAUSES)),
        "accept_causes": optional(ListOf(one_of(*CAUSES))),
        "event": optional(LABEL),
        **WHEN_KEYS,
    },
)


def _slots(
    *,
    start: datetime | None = None,
    every: float | None = None,
    count: int | None = None,
    at: tuple[datetime, ...] = (),
) -> tuple[datetime, ...]:
    if at and start is None and every is None and count is None:
        if list(at) != sorted(set(at)):
            raise UnfitError("at", "times in rising order")
        return at
    if at or start is None or every is None or count is None:
        raise UnfitError("start", "either the keys start, every and count, or the key at alone")
    return tuple(start + timedelta(seconds=every) * i for i in range(count))


SLOTS: Final = Record(
    _slots,
    {
        "start": optional(INSTANT),
        "every": optional(duration("1m", "7d")),
        "count": optional(integer(1, MAX_SLOTS)),
        "at": optional(ListOf(INSTANT, at_least=1, at_most=MAX_SLOTS)),
    },
)


# ---------------------------------------------------------------- the whole


def _scenario(
    name: str,
    *,
    family: str,
    summary: str,
    topology: Topology,
    schedule: Schedule,
    slots: tuple[datetime, ...],
    seed: int = 0,
    utc_offset: timedelta | None = None,
    vantages: tuple[tuple[Place, str], ...] = (),
    timeline: tuple[tuple[Place, Happening], ...] = (),
    truth: tuple[tuple[Place, Truth], ...] = (),
) -> Scenario:
    measuring = tuple(topology.hosts_of(Role.VANTAGE, Role.SENTINEL))
    for place, host in vantages:
        if host not in measuring:
            raise place.expected(f"one of {', '.join(measuring)}")
    for place, happening in timeline:
        timeline_file.check(place, happening, topology)
    scenario = Scenario(
        name=name,
        family=family,
        summary=summary,
        topology=topology,
        schedule=schedule,
        seed=seed,
        slots=slots,
        timeline=tuple(_called(number, happening) for number, (_, happening) in enumerate(timeline, 1)),
        truth=tuple(entry for _, entry in truth),
        vantages=tuple(host for _, host in vantages) or measuring,
        utc_offset=utc_offset,
    )
    for place, entry in truth:
        contradiction.check_truth(place, entry, scenario)
    contradiction.check_told((place for place, _ in timeline), scenario)
    return scenario


def _called(number: int, happening: Happening) -> Happening:
    """Give an entry of the timeline a name that is unique, its box too."""
    name = f"{number} {happening.kind}"
    placement = None if happening.placement is None else replace(happening.placement, name=name)
    return replace(happening, name=name, placement=placement)


def _utc_offset(written: str) -> timedelta:
    offset = datetime.fromisoformat(f"2000-01-01T00:00{written}").utcoffset()
    if offset is None:
        raise ValueError(written)
    return offset


@cache
def _topology_called(name: str, beside: Path) -> Topology:
    return load_topology(name, beside=beside)


@cache
def _schedule_at(path: Path) -> Schedule:
    return loader.load(path)


def _keys(beside: Path) -> dict[str, Any]:
    """Give the keys of a scenario that stands in the folder ``beside``, to which its other files are relative."""

    def topology(place: Place) -> Topology:
        return _topology_called(FILE_OR_NAME(place), beside)

    def schedule(place: Place) -> Schedule:
        written = FILE_OR_NAME(place)
        if written.endswith(".yaml"):
            return _schedule_at(beside / written)
        return _schedule_at(SCHEDULES / f"{one_of(*names_in(SCHEDULES))(place)}.yaml")

    return {
        "family": required(one_of(*FAMILIES)),
        "summary": required(text(300)),
        "topology": required(topology),
        "schedule": required(schedule),
        "seed": optional(integer(0, 2**31)),
        "utc_offset": optional(scalar(_utc_offset, "an offset from UTC, such as +06:00")),
        "slots": required(SLOTS),
        "vantages": optional(ListOf(Placed(LABEL), at_least=1)),
        "timeline": optional(ListOf(timeline_file.happening)),
        "truth": optional(ListOf(Placed(TRUTH))),
    }


FILE_OR_NAME: Final = matching(r"[A-Za-z0-9._/-]{1,200}", "a name, or the path of a .yaml file beside this one")
