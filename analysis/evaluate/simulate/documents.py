"""What is documented of the country's plant, as the shared-risk file that somebody who had asked would bring.

A file is true of all that it names and silent on the rest: of some episodes there is none, of some it speaks of a few
operators, of some of all, the mains too (``docs/shared-risk.md``). What a wrong file does is asked elsewhere
(``bench/topology_contrast.py``).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import yaml

from analysis.causes.plant import Kind, Plant
from analysis.causes.plant_file import plant_of

if TYPE_CHECKING:
    from analysis.evaluate.simulate.dice import Dice
    from analysis.evaluate.simulate.plant import Place
    from analysis.evaluate.simulate.plant import Plant as Country


class Documented(StrEnum):
    """How much is."""

    NOTHING = "nothing"
    SOME_OPERATORS = "some operators"
    ALL = "all"


SHARES: Final = ((Documented.NOTHING, 0.4), (Documented.SOME_OPERATORS, 0.25), (Documented.ALL, 0.35))
"""Of the episodes. By judgement: nobody has counted for how many countries such a file could be written."""

_SOURCE: Final = "the episode"
_KINDS: Final = {
    "mile": Kind.LAST_MILE,
    "site": Kind.SITE,
    "haul": Kind.FIBRE,
    "duct": Kind.FIBRE,
    "core": Kind.EXCHANGE,
    "ix": Kind.EXCHANGE,
    "gateway": Kind.GATEWAY,
    "mains": Kind.POWER,
}
_OUTSIDE: Final = frozenset({"home"})
"""What stands in the volunteer's own rooms is in nobody's file."""


def documented(country: Country, dice: Dice) -> tuple[Documented, Plant]:
    """Draw how much is documented, and give it as the analysis gets it."""
    (how_much,) = dice.choices([which for which, _ in SHARES], [share for _, share in SHARES])
    operators = country.operators
    if how_much is Documented.SOME_OPERATORS:
        operators = tuple(sorted(dice.sample(operators, dice.randint(1, max(1, len(operators) - 1)))))
    if how_much is Documented.NOTHING:
        return how_much, Plant()
    content = yaml.safe_dump(_file(country, operators, is_all=how_much is Documented.ALL), sort_keys=False)
    return how_much, plant_of(content.encode(), "the episode's plant")


def _file(country: Country, operators: tuple[str, ...], *, is_all: bool) -> dict[str, Any]:
    lines = [_line(place) for place in country.probes if place.operator in operators]
    named = {element for line in lines for key in ("needs", "home", "abroad") for element in line[key]}
    content: dict[str, Any] = {
        "summary": "A country by chance, as far as it is documented",
        "elements": {name: {"kind": str(_KINDS[name.split()[0]]), "source": _SOURCE} for name in sorted(named)},
        "lines": lines,
    }
    networks = sorted({place.network for place in country.probes if place.operator in operators})
    if is_all:
        content["complete"] = _SOURCE
    elif len(networks) > 1:  # all that hangs on what they share is listed
        content["independent"] = [{"of": [{"network": network} for network in networks], "source": _SOURCE}]
    return content


def _line(place: Place) -> dict[str, Any]:
    """Write what one vantage hangs on: its way, the mains of its place, and what is beyond its core."""
    way = [element for element in place.way if element.partition(":")[0] not in _OUTSIDE]
    return {
        "vantage": place.vantage,
        "needs": [_name(element) for element in (*way, f"mains:{place.region}")],
        "home": ["ix"],
        "abroad": [_name(place.gateway)],
        "source": _SOURCE,
    }


def _name(element: str) -> str:
    """Spell an element as the file's names are spelt."""
    return element.replace(":", " ")
