"""How often topology against targeting misleads, by simulation: random plants, random faults, and files that are wrong.

Each draw makes a country (2 to 5 operators, 2 to 5 regions, 1 to 3 vantages on each line), with sites, cores, ducts
that several operators share, mains whose batteries last differently, and a way abroad. Then one to three elements
fall, those that are shared the likelier ones; some vantages fail by themselves, and some are spared. The analysis is
given the true file, none, one that calls itself complete though half of what is shared is missing from it, and one
that only says, wrongly, that the operators share nothing. In other
draws somebody switches all operators of one bearer off, in a region or everywhere, with and without a fault beside it.

    python bench/topology_contrast.py [--draws 2000] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass, replace

from scipy.stats import beta

from analysis.causes.cells import Cell
from analysis.causes.contrast import contrast
from analysis.causes.plant import Element, Independence, Kind, Line, Plant, Selector
from analysis.facts import VantageFacts

TARGETS = 5
SPARED, OF_ITS_OWN = 0.05, 0.03


@dataclass(frozen=True)
class Country:
    """What truly hangs on what."""

    vantages: tuple[VantageFacts, ...]
    behind: dict[Element, frozenset[VantageFacts]]

    def file(self, without: frozenset[Element] = frozenset()) -> Plant:
        """Give the file that says so, but for some elements."""
        lines = tuple(
            Line(
                who=Selector(vantage=vantage.vantage_id),
                needs=tuple((frozenset({e}),) for e, who in self.behind.items() if vantage in who and e not in without),
                source="the draw",
            )
            for vantage in self.vantages
        )
        return Plant(lines=lines, complete="the draw", sha256="0")

    @property
    def shared(self) -> list[Element]:
        """Give the elements that more than one operator hangs on."""
        return [e for e, who in self.behind.items() if len({vantage.network for vantage in who}) > 1]


def country(draw: random.Random) -> Country:
    """Draw one."""
    operators = [(f"AS{n}", draw.choice(["fixed", "mobile", "mobile"])) for n in range(1, draw.randint(2, 5) + 1)]
    regions = [f"R{n}" for n in range(draw.randint(2, 5))]
    vantages, behind = [], {}
    for network, bearer in operators:
        for region in draw.sample(regions, draw.randint(1, len(regions))):
            line = [
                VantageFacts(
                    vantage_id=f"{network}-{region}-{n}", country="KZ", region=region, network=network, bearer=bearer
                )
                for n in range(draw.randint(1, 3))
            ]
            vantages += line
            behind |= {Element(f"line {v.vantage_id}", Kind.LAST_MILE, "x"): frozenset({v}) for v in line}
            behind[Element(f"site {network} {region}", Kind.SITE, "x")] = frozenset(line)
    for network, _ in operators:
        behind[Element(f"core {network}", Kind.EXCHANGE, "x")] = frozenset(v for v in vantages if v.network == network)
    for number in range(draw.randint(1, 4)):
        some = {name for name, _ in draw.sample(operators, draw.randint(1, len(operators)))}
        there = set(draw.sample(regions, draw.randint(1, max(1, len(regions) - 1))))
        behind[Element(f"duct {number}", Kind.FIBRE, "x")] = frozenset(
            v for v in vantages if v.network in some and v.region in there
        )
    for region in regions:
        behind[Element(f"mains {region}", Kind.POWER, "x")] = frozenset(v for v in vantages if v.region == region)
    behind[Element("way abroad", Kind.GATEWAY, "x")] = frozenset(vantages)
    return Country(tuple(vantages), {e: who for e, who in behind.items() if who})


def damaged(place: Country, draw: random.Random, most: int = 3) -> set[VantageFacts]:
    """Draw what faults make dark."""
    by_weight = [len({v.network for v in who}) for who in place.behind.values()]
    fallen = draw.choices(list(place.behind), by_weight, k=draw.randint(1, most))
    dark = set()
    for element in fallen:
        hit = place.behind[element]
        if element.kind is Kind.POWER:  # batteries last differently, line by line
            lines = sorted({(v.network or "", v.region or "") for v in hit})
            empty = set(draw.sample(lines, draw.randint(1, len(lines))))
            hit = frozenset(v for v in hit if (v.network, v.region) in empty)
        dark |= hit
    return noisy(place, dark, draw)


def ordered(place: Country, draw: random.Random, *, is_national: bool) -> set[VantageFacts]:
    """Draw what an order to all operators of a bearer makes dark, in a region or everywhere."""
    bearer = draw.choice(sorted({v.bearer for v in place.vantages}))
    region = None if is_national else draw.choice(sorted({v.region or "" for v in place.vantages}))
    return noisy(place, {v for v in place.vantages if v.bearer == bearer and region in {None, v.region}}, draw)


def can_tell(place: Country, dark: set[VantageFacts]) -> bool:
    """Tell whether an order could show at all: two operators are dark, and a place of theirs has somebody alive."""
    live = {v.region for v in place.vantages if v not in dark}
    return len({v.network for v in dark}) > 1 and any(v.region in live for v in dark)


def noisy(place: Country, dark: set[VantageFacts], draw: random.Random) -> set[VantageFacts]:
    """Spare some, and lose some others."""
    return {v for v in place.vantages if draw.random() < (1 - SPARED if v in dark else OF_ITS_OWN)}


def cells(place: Country, dark: set[VantageFacts]) -> list[Cell]:
    """Give what is measured."""
    return [
        Cell(v, f"t{n}", f"s{n}", (), 4 * (v in dark), 4, v in dark, is_home=n < 2)
        for v in place.vantages
        for n in range(TARGETS)
    ]


def files(place: Country, draw: random.Random) -> dict[str, Plant]:
    """Give the files that the analysis may have."""
    networks = sorted({v.network or "" for v in place.vantages})
    apart = Independence(of=tuple(Selector(network=network) for network in networks), source="somebody said so")
    half = frozenset(element for element in place.shared if draw.random() < 0.5)
    none_shared = replace(Plant(), independent=(apart,) if len(networks) > 1 else ())
    return {
        "true file": place.file(),
        "no file": Plant(),
        "half of the shared elements missing": place.file(without=half),
        "all shared elements missing": place.file(without=frozenset(place.shared)),
        "operators said to be apart": none_shared,
    }


def main() -> None:
    """Draw, contrast, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    factors: dict[tuple[str, str], list[float]] = {}
    seconds: list[float] = []
    for number in range(options.draws):
        draw = random.Random(f"{options.seed} {number}")
        place = country(draw)
        worlds = {"faults": damaged(place, draw)}
        worlds["order in a region"] = ordered(place, draw, is_national=False)
        worlds["order everywhere"] = ordered(place, draw, is_national=True)
        worlds["order and faults"] = worlds["order everywhere"] | damaged(place, draw, most=1)
        known = files(place, draw)
        for world, dark in worlds.items():
            if world != "faults" and not can_tell(place, dark):
                continue
            seen = cells(place, dark)
            for name, plant in known.items():
                if world != "faults" and name not in {"true file", "no file"}:
                    continue
                started = time.process_time()
                found = contrast(seen, plant)
                seconds.append(time.process_time() - started)
                factors.setdefault((world, name), []).append(found.log10_bf)
    print(f"{options.draws} draws, seed {options.seed}; shares by log10 BF, and the bound at 95 % of the share >= 1")
    print(f"{'what happened':18} {'given':36} {'n':>5} {'> 0':>7} {'>= 0.5':>7} {'>= 1':>7} {'bound':>7} {'max':>5}")
    for (world, name), values in factors.items():
        n, high = len(values), sum(value >= 1 for value in values)
        shares = [sum(v > 0 for v in values) / n, sum(v >= 0.5 for v in values) / n, high / n]
        bound = beta.ppf(0.95, high + 1, n - high) if high < n else 1.0
        row = " ".join(f"{share:7.2%}" for share in (*shares, bound))
        print(f"{world:18} {name:36} {n:5} {row} {max(values):5.2f}")
    seconds.sort()
    median, most = (seconds[int(len(seconds) * share)] * 1000 for share in (0.5, 0.99))
    print(f"CPU of a contrast: median {median:.1f} ms, 99 % {most:.1f} ms")


if __name__ == "__main__":
    main()
