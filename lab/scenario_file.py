"""Reads a scenario from YAML, with the topology and the schedule that it names.

Unknown keys, and names that the topology or the schedule does not have, are
refused with file, line, key and what was expected.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab import disasters, middleboxes
from lab.conditions import Lie, peace
from lab.during import ALWAYS, DURING, INSTANT, During
from lab.registry import kinds
from lab.scenario import STATES, Happening, Scenario, Truth
from lab.topology import Role
from lab.topology_file import load as load_topology
from lab.yaml_values import ADDRESS, LABEL, NAMES, names_in
from probe.errors import UserError
from probe.schedule import loader
from probe.schedule.names import NAME
from probe.schedule.yaml_reader import ListOf, Place, Placed, Record, UnfitError, optional, read, required
from probe.schedule.yaml_scalars import duration, integer, matching, one_of, text

if TYPE_CHECKING:
    from lab.conditions import Disaster
    from lab.flow import Middlebox
    from lab.registry import Kind
    from lab.topology import Topology
    from probe.schedule.model import Schedule

SCENARIOS: Final = Path(__file__).parent / "scenarios"
SCHEDULES: Final = Path(__file__).parent / "schedules"

FAMILIES: Final = ("calm", "censorship", "damage", "local", "mixed")

MAX_SLOTS: Final = 2000


def names() -> list[str]:
    """Give the names of the scenarios that come with the lab."""
    return names_in(SCENARIOS)


def load(name_or_path: str, *, seed: int | None = None) -> Scenario:
    """Read a scenario by its name, or by the path of its file; ``seed`` replaces its own. Raises UserError."""
    path = SCENARIOS / f"{name_or_path}.yaml"
    if not path.is_file():
        path = Path(name_or_path)
        if path.suffix != ".yaml":
            raise UserError(
                f"there is no scenario {name_or_path!r}: choose one of {', '.join(names())}, or give a .yaml file"
            )
    record = Record(lambda **values: _scenario(path.stem, seed, **values), _KEYS)
    return read(path, record)


# ---------------------------------------------------------------- the timeline


def _happening(place: Place) -> tuple[Place, Happening]:
    """Parse an entry of the timeline, whose keys depend on what it names."""
    entries = place.entries()
    if "lie" in entries:
        return place, _LIE(place)
    if "middlebox" in entries:
        return place, _middlebox(_kind(entries["middlebox"], kinds(middleboxes)))(place)
    if "disaster" in entries:
        return place, _disaster(_kind(entries["disaster"], kinds(disasters)))(place)
    raise place.expected("an entry with one of the keys middlebox, disaster, lie")


def _kind(place: Place, known: dict[str, Kind]) -> Kind:
    return known[one_of(*known)(place)]


def _middlebox(kind: Kind) -> Record[Happening]:
    def build(
        *, kind: str, middlebox: Middlebox, router: str, networks: tuple[str, ...] = (), during: During = ALWAYS
    ) -> Happening:
        del kind  # it decided which record this is
        return Happening(during=during, middlebox=middlebox, router=router, networks=frozenset(networks))

    return Record(
        build,
        {
            "middlebox": required(text(60), into="kind"),
            "at": required(LABEL, into="router"),
            "networks": optional(ListOf(LABEL, at_least=1)),
            "during": optional(DURING),
            "with": required(kind.record, into="middlebox"),
        },
    )


def _disaster(kind: Kind) -> Record[Happening]:
    def build(*, kind: str, disaster: Disaster, during: During = ALWAYS) -> Happening:
        del kind  # it decided which record this is
        return Happening(during=during, disaster=disaster)

    return Record(
        build,
        {
            "disaster": required(text(60), into="kind"),
            "during": optional(DURING),
            "with": required(kind.record, into="disaster"),
        },
    )


def _lie(*, kind: str, resolver: str, names: tuple[str, ...], during: During = ALWAYS, **addresses: Any) -> Happening:
    if (kind == "addresses") != bool(addresses):
        raise UnfitError("addresses", "the addresses that the resolver gives, where the lie is addresses")
    return Happening(during=during, lie=Lie(resolver=resolver, names=names, **addresses))


_LIE: Final = Record(
    _lie,
    {
        "lie": required(one_of("nxdomain", "addresses"), into="kind"),
        "resolver": required(LABEL),
        "names": required(NAMES),
        "addresses": optional(ListOf(ADDRESS, at_least=1)),
        "during": optional(DURING),
    },
)


# ---------------------------------------------------------------- the truth and the slots


def _truth(
    *,
    state: str,
    vantages: tuple[str, ...] = (),
    targets: tuple[str, ...] = (),
    accept: tuple[str, ...] = (),
    during: During = ALWAYS,
    mechanism: str | None = None,
) -> Truth:
    return Truth(
        state=state,
        vantages=frozenset(vantages),
        targets=frozenset(targets),
        accept=frozenset(accept),
        during=during,
        mechanism=mechanism,
    )


TRUTH: Final = Record(
    _truth,
    {
        "state": required(one_of(*STATES)),
        "vantages": optional(ListOf(LABEL, at_least=1)),
        "targets": optional(ListOf(NAME, at_least=1)),
        "during": optional(DURING),
        "accept": optional(ListOf(one_of(*STATES))),
        "mechanism": optional(matching(r"[a-z0-9_]+(\.[a-z0-9_]+)*", "a mechanism such as tls.reset.sni")),
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


def _topology(place: Place) -> Topology:
    return load_topology(LABEL(place))


def _schedule(place: Place) -> Schedule:
    known = names_in(SCHEDULES)
    return loader.load(SCHEDULES / f"{one_of(*known)(place)}.yaml")


def _scenario(
    name: str,
    seed_wanted: int | None,
    *,
    family: str,
    summary: str,
    topology: Topology,
    schedule: Schedule,
    slots: tuple[datetime, ...],
    seed: int = 0,
    vantages: tuple[tuple[Place, str], ...] = (),
    timeline: tuple[tuple[Place, Happening], ...] = (),
    truth: tuple[tuple[Place, Truth], ...] = (),
) -> Scenario:
    measuring = tuple(topology.hosts_of(Role.VANTAGE, Role.SENTINEL))
    for place, host in vantages:
        if host not in measuring:
            raise place.expected(f"one of {', '.join(measuring)}")
    chosen = tuple(host for _, host in vantages) or measuring
    for place, happening in timeline:
        _check_happening(place, happening, topology)
    for place, entry in truth:
        _check_truth(place, entry, chosen, schedule)
    return Scenario(
        name=name,
        family=family,
        summary=summary,
        topology=topology,
        schedule=schedule,
        seed=seed if seed_wanted is None else seed_wanted,
        slots=slots,
        timeline=tuple(happening for _, happening in timeline),
        truth=tuple(entry for _, entry in truth),
        vantages=chosen,
    )


def _check_happening(place: Place, happening: Happening, topology: Topology) -> None:
    if happening.middlebox is not None and happening.router not in topology.routers:
        raise place.entries()["at"].expected(f"one of the routers {', '.join(topology.routers)}")
    for network in sorted(happening.networks - topology.networks.keys()):
        raise place.entries()["networks"].expected(f"some of the networks {', '.join(topology.networks)}", network)
    resolvers = topology.hosts_of(Role.RESOLVER, Role.PUBLIC_RESOLVER)
    if happening.lie is not None and happening.lie.resolver not in resolvers:
        raise place.entries()["resolver"].expected(f"one of the resolvers {', '.join(resolvers)}")
    if happening.disaster is not None:
        try:
            happening.disaster(peace(topology))
        except LookupError as unknown:
            raise place.entries()["with"].expected("links and hosts of the topology", str(unknown)) from None


def _check_truth(place: Place, entry: Truth, vantages: tuple[str, ...], schedule: Schedule) -> None:
    for host in sorted(entry.vantages.difference(vantages)):
        raise place.entries()["vantages"].expected(f"some of {', '.join(vantages)}", host)
    known = {name for target in schedule.targets for name in (target.name, target.service)}
    for name in sorted(entry.targets - known):
        raise place.entries()["targets"].expected(f"targets or services of {schedule.name}", name)


_KEYS: Final = {
    "family": required(one_of(*FAMILIES)),
    "summary": required(text(300)),
    "topology": required(_topology),
    "schedule": required(_schedule),
    "seed": optional(integer(0, 2**31)),
    "slots": required(SLOTS),
    "vantages": optional(ListOf(Placed(LABEL), at_least=1)),
    "timeline": optional(ListOf(_happening)),
    "truth": optional(ListOf(Placed(TRUTH))),
}
