"""Reads the entries of a scenario's timeline: what happens, where and when.

Each entry names its kind under one of five keys, and what else it may say follows
from that: ``middlebox``, ``disaster``, ``order``, ``lie``, ``refusal``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from lab import disasters, middleboxes, orders, refusals
from lab.conditions import Lie, LieKind, Moment, PlacedRefusal, peace
from lab.during import WHEN_KEYS, WITHIN_KEY, During, when
from lab.refusal import videos_missing
from lab.registry import kinds
from lab.scenario import Happening
from lab.station import Placement, Residual
from lab.topology import Role
from lab.yaml_values import ADDRESS, LABEL, NAMES, SHARE
from probe.schedule.names import HOST_NAME
from probe.schedule.yaml_reader import ListOf, Place, Record, UnfitError, optional, required
from probe.schedule.yaml_scalars import boolean, duration, integer, one_of, scalar, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.conditions import Change
    from lab.flow import Middlebox
    from lab.refusal import Refusal
    from lab.registry import Kind
    from lab.topology import Topology

TIMES: Final[Mapping[str, Any]] = {**WHEN_KEYS, **WITHIN_KEY}
KIND: Final = text(60)


def happening(place: Place) -> tuple[Place, Happening]:
    """Parse an entry of the timeline, whose keys depend on what it names; it comes with its place."""
    entries = place.entries()
    for key, (package, record) in _READERS.items():
        if key in entries:
            known = kinds(package) if package is not None else {}
            kind = known[one_of(*known)(entries[key])] if known else None
            return place, record(kind)(place)
    raise place.expected(f"an entry with one of the keys {', '.join(_READERS)}")


def all_kinds() -> dict[str, dict[str, Kind]]:
    """Give every kind that there is, by the key under which the timeline names it."""
    return {key: kinds(package) for key, (package, _) in _READERS.items() if package is not None}


def _times(values: dict[str, Any]) -> During:
    """Take what an entry says of its time off its values."""
    names = ("during", "daily", "duty", "within_s")
    return when(**{name: values.pop(name) for name in names if name in values})


# ---------------------------------------------------------------- boxes


def _residual(*, seconds: float, ends: int = 3, act: str = "drop") -> Residual:
    return Residual(seconds=seconds, is_port_ignored=ends == 3, is_reset=act == "reset")


RESIDUAL: Final = Record(
    _residual,
    {
        "for": required(duration("1s", "1h"), into="seconds"),
        "tuple": optional(integer(3, 4), into="ends"),
        "act": optional(one_of("drop", "reset")),
    },
)


def _middlebox(kind: Kind) -> Record[Happening]:
    def build(
        *,
        kind: str,
        middlebox: Middlebox,
        router: str,
        networks: tuple[str, ...] = (),
        is_on_path: bool = False,
        hop_limit: str = "own",
        residual: Residual | None = None,
        share: float = 1.0,
        **times: Any,
    ) -> Happening:
        if is_on_path and getattr(middlebox, "needs_path", False):
            raise UnfitError("on_path", f"false: a {kind} beside the path can do nothing, because it only keeps back")
        if is_on_path and residual is not None and not residual.is_reset:
            raise UnfitError("residual", "act: reset, because a box beside the path cannot drop")
        placement = Placement(
            name=kind,  # made unique once its position in the timeline is known
            router=router,
            networks=frozenset(networks),
            box=middlebox,
            is_on_path=is_on_path,
            share=share,
            residual=residual,
            is_hop_limit_copied=hop_limit == "copied",
        )
        return Happening(during=_times(times), kind=kind, place=router, placement=placement)

    return Record(
        build,
        {
            "middlebox": required(KIND, into="kind"),
            "at": required(LABEL, into="router"),
            "networks": optional(ListOf(LABEL, at_least=1)),
            "on_path": optional(boolean, into="is_on_path"),
            "share": optional(SHARE),
            "residual": optional(RESIDUAL),
            "hop_limit": optional(one_of("own", "copied")),
            "with": required(kind.record, into="middlebox"),
            **TIMES,
        },
    )


# ---------------------------------------------------------------- disasters and orders


def _change(key: str) -> Callable[[Kind], Record[Happening]]:
    def record(kind: Kind) -> Record[Happening]:
        def build(*, kind: str, change: Change, **times: Any) -> Happening:
            return Happening(
                during=_times(times), kind=kind, place=_struck(change), change=change, is_order=key == "order"
            )

        return Record(build, {key: required(KIND, into="kind"), "with": required(kind.record, into="change"), **TIMES})

    return record


def _struck(change: Change) -> str:
    """Give what a change strikes, as it names it."""
    named = (getattr(change, name, ()) for name in ("links", "hosts", "routers", "fibres", "domains", "networks"))
    return ", ".join(item for items in named for item in items) or getattr(change, "country", "")


# ---------------------------------------------------------------- what servers do


def _lie(
    *, kind: LieKind, resolver: str, names: tuple[str, ...], addresses: tuple[Any, ...] = (), **times: Any
) -> Happening:
    if (kind is LieKind.ADDRESSES) != bool(addresses):
        raise UnfitError("addresses", "the addresses that the resolver gives, where the lie is addresses")
    lie = Lie(resolver=resolver, names=names, kind=kind, addresses=addresses)
    return Happening(during=_times(times), kind=kind, place=resolver, lie=lie)


LIE: Final = Record(
    _lie,
    {
        "lie": required(scalar(LieKind, f"one of {', '.join(LieKind)}"), into="kind"),
        "resolver": required(LABEL),
        "names": required(NAMES),
        "addresses": optional(ListOf(ADDRESS, at_least=1)),
        **TIMES,
    },
)


def _refusal(kind: Kind) -> Record[Happening]:
    def build(*, kind: str, site: str, refusal: Refusal, **times: Any) -> Happening:
        placed = PlacedRefusal(site=site, refusal=refusal)
        return Happening(during=_times(times), kind=kind, place=site, refusal=placed)

    return Record(
        build,
        {
            "refusal": required(KIND, into="kind"),
            "site": required(HOST_NAME),
            "with": required(kind.record, into="refusal"),
            **TIMES,
        },
    )


_READERS: Final[Mapping[str, tuple[Any, Callable[[Any], Record[Happening]]]]] = {
    "middlebox": (middleboxes, _middlebox),
    "disaster": (disasters, _change("disaster")),
    "order": (orders, _change("order")),
    "refusal": (refusals, _refusal),
    "lie": (None, lambda _: LIE),
}


# ---------------------------------------------------------------- whether it fits the topology


def check(place: Place, one: Happening, topology: Topology) -> None:
    """Refuse what the topology does not have, or cannot do."""
    entries = place.entries()
    if one.placement is not None:
        _check_placement(entries, one.placement, topology)
    resolvers = topology.hosts_of(Role.RESOLVER, Role.PUBLIC_RESOLVER)
    if one.lie is not None and one.lie.resolver not in resolvers:
        raise entries["resolver"].expected(f"one of the resolvers {', '.join(resolvers)}")
    if one.refusal is not None:
        sites = {site.names[0]: site for site in topology.sites}
        if one.refusal.site not in sites:
            raise entries["site"].expected(f"the first name of a site: one of {', '.join(sites)}")
        missing = videos_missing(one.refusal.refusal, sites[one.refusal.site])
        if missing:
            raise entries["with"].expected(f"videos of {one.refusal.site}", ", ".join(missing))
    if one.change is not None:
        moment = Moment(topology=topology, elapsed=timedelta(), name=one.kind)
        try:
            one.change(peace(topology), moment)
        except LookupError as unknown:
            raise entries["with"].expected("names that the topology has", str(unknown)) from None


def _check_placement(entries: Mapping[str, Place], placement: Placement, topology: Topology) -> None:
    if placement.router not in topology.routers:
        raise entries["at"].expected(f"one of the routers {', '.join(topology.routers)}")
    for network in sorted(placement.networks - topology.networks.keys()):
        raise entries["networks"].expected(f"some of the networks {', '.join(topology.networks)}", network)
    proxy = getattr(placement.box, "proxy", None)
    if (
        proxy is not None
        and proxy in topology.hosts
        and (not placement.networks or topology.hosts[proxy].network in placement.networks)
    ):
        raise entries.get("networks", entries["at"]).expected(
            f"networks without that of {proxy}, whose own connections would be led back to it"
        )
    leads_to = getattr(placement.box, "portal", None) or getattr(placement.box, "proxy", None)
    if leads_to is not None:
        here = [
            name for name, host in topology.hosts.items() if host.takes_any_address and host.router == placement.router
        ]
        if leads_to not in here:
            raise entries["with"].expected(
                f"a portal or proxy at the router {placement.router} (there: {', '.join(here) or 'none'})", leads_to
            )
