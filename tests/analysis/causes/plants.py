"""Small worlds for topology against targeting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.causes.cells import Cell
from analysis.causes.plant import Element, Independence, Kind, Line, Plant, Selector
from analysis.facts import VantageFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from analysis.causes.plant import Need


def vantage(name: str, network: str, region: str | None, bearer: str = "mobile", role: str = "probe") -> VantageFacts:
    country = "DE" if role == "control" else "KZ"
    return VantageFacts(vantage_id=name, country=country, region=region, network=network, bearer=bearer, role=role)


SENTINEL = vantage("sentinel", "AS9", "Frankfurt", "fixed", "control")

THREE_OPERATORS = tuple(
    vantage(f"{network}-{region}-{number}", network, region, "fixed" if network == "AS1" else "mobile")
    for network in ("AS1", "AS2", "AS3")
    for region in ("A", "B", "C")
    for number in range(2)
)
"""One fixed and two mobile operators in three regions, two vantages on each line."""


def at(region: str | None = None, network: str | None = None, bearer: str | None = None) -> set[str]:
    """Give those of the three operators' vantages that have all of this."""
    who = Selector(region=region, network=network, bearer=bearer)
    return {v.vantage_id for v in THREE_OPERATORS if who.takes(v)}


def dark(names: Iterable[str], vantages: Iterable[VantageFacts] = THREE_OPERATORS, targets: int = 4) -> list[Cell]:
    """Give the cells of vantages of which some are dark, and of a sentinel."""
    names = set(names)
    return [
        Cell(v, f"t{n}", f"s{n}", (), 3 * (v.vantage_id in names), 3, v.vantage_id in names, is_home=n == 0)
        for v in (*vantages, SENTINEL)
        for n in range(targets)
    ]


def blocked(
    is_bad: Callable[[VantageFacts, int], bool], vantages: Iterable[VantageFacts] = THREE_OPERATORS, targets: int = 6
) -> list[Cell]:
    """Give cells none of which is dark: names fail or live; two targets share a service, three an address block."""
    return [
        Cell(v, f"t{n}", f"s{n // 2}", (f"10.0.{n // 3}.0/24",), 3 * is_bad(v, n), 3, is_dark=False)
        for v in (*vantages, SENTINEL)
        for n in range(targets)
    ]


def needs(*elements: Element) -> tuple[Need, ...]:
    return tuple((frozenset({element}),) for element in elements)


def element(name: str, kind: Kind = Kind.SITE) -> Element:
    return Element(name, kind, "a source")


def apart(*networks: str) -> Plant:
    """Give a plant that says of some operators that they share nothing."""
    return Plant(independent=(Independence(of=tuple(Selector(network=n) for n in networks), source="a source"),))


def documented(*extra: tuple[Element, set[str]]) -> Plant:
    """Give the whole plant of the three operators: a line, a site, a core each, and what else some hang on."""
    return Plant(
        complete="a source",
        lines=tuple(
            Line(
                who=Selector(vantage=v.vantage_id),
                needs=needs(
                    element(f"line of {v.vantage_id}", Kind.LAST_MILE),
                    element(f"site of {v.network} at {v.region}"),
                    element(f"core of {v.network}", Kind.EXCHANGE),
                    *(one for one, who in extra if v.vantage_id in who),
                ),
                source="a source",
            )
            for v in THREE_OPERATORS
        ),
    )
